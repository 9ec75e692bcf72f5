/* SPDX-License-Identifier: GPL-3.0-or-later */
/* foreign.c - see foreign.h. The places of the fields are from QEMU's block/qcow.c and block/qed.h,
 * and from the text of VMware's disk descriptor. A sparse file also has that text near its
 * beginning. */
#include "image/foreign.h"

#include "base/mem.h"
#include "image/export_limits.h"

enum {
    HEAD_MAX = 65536,  /* a VMDK descriptor is in it */
    HEAD_MIN = 24,     /* the fields that are read */
    QCOW_VERSION = 4,  /* be32 */
    QCOW_BACKING = 8,  /* be64, the offset of the backing file's name */
    QED_FEATURES = 16, /* le64 */
    QED_BACKING = 1    /* the bit of QED_FEATURES for a backing file */
};

/* The names of a format. */
struct name {
    const char *format;  /* QEMU's word */
    const char *libvirt; /* libvirt's word; NULL: the same */
    const char *options; /* QEMU's, with the secret */
};

static const struct name names[FOREIGN_FORMATS] = {
    [FOREIGN_VMDK] = {"vmdk"},
    [FOREIGN_VDI] = {"vdi"},
    [FOREIGN_QCOW] = {"qcow"},
    [FOREIGN_QED] = {"qed"},
    [FOREIGN_PARALLELS] = {"parallels", "ploop"},
    [FOREIGN_VHDX] = {"vhdx", "vhd"},
    [FOREIGN_VPC] = {"vpc"},
    [FOREIGN_LUKS] = {"luks", .options = "\"key-secret\":\"" EXPORT_SECRET "\","},
};

int foreign_find(const char *format)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct name *s = &names[i];
        if (!strcmp(s->format, format) || (s->libvirt && !strcmp(s->libvirt, format)))
            return (int)i;
    }
    return -1;
}

bool foreign_same(const char *a, const char *b)
{
    int i = foreign_find(a);
    return !strcmp(a, b) || (i >= 0 && i == foreign_find(b));
}

const char *foreign_name(int i)
{
    return names[i].format;
}

const char *foreign_options(int i)
{
    return names[i].options;
}

struct magic {
    const char *bytes, *format;
};

static const struct magic magics[] = {
    {"QFI\xfb", "qcow2"}, {"QED", "qed"}, {"KDMV", "vmdk"}, {"COWD", "vmdk"}, {"# Disk", "vmdk"},
};

/* QEMU's names of formats without backing files. */
static const char *const alone[] = {"luks",  "vdi", "vhdx", "vpc", "dmg",      "bochs",
                                    "cloop", "iso", "dir",  "fat", "parallels"};

static bool begins(const uint8_t *b, size_t n, const char *bytes)
{
    return n >= strlen(bytes) && !memcmp(b, bytes, strlen(bytes));
}

static const char *guess(const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
        if (begins(b, n, magics[i].bytes)) {
            bool old = i == 0 && n >= HEAD_MIN && be32(b + QCOW_VERSION) == 1;
            return old ? "qcow" : magics[i].format;
        }
    return "raw";
}

const char *foreign_guess(const struct image_file *f)
{
    uint8_t b[HEAD_MIN];
    ssize_t n = file_read_some(f, b, sizeof(b), 0, NULL);
    return n < 0 ? NULL : guess(b, (size_t)n);
}

static bool is_alone(const char *format)
{
    for (size_t i = 0; i < sizeof(alone) / sizeof(*alone); i++)
        if (foreign_same(alone[i], format))
            return true;
    return false;
}

bool foreign_names_files(const char *format)
{
    return strcmp(format, "raw") != 0 && !is_alone(format);
}

bool foreign_has_no_backing(const struct image_file *f, const char *format)
{
    if (is_alone(format))
        return true;
    autofree uint8_t *b = calloc(1, HEAD_MAX);
    ssize_t n = b ? file_read_some(f, b, HEAD_MAX, 0, NULL) : -1;
    if (n < HEAD_MIN || strcmp(guess(b, (size_t)n), format) != 0)
        return false;
    if (!strcmp(format, "qcow"))
        return !be64(b + QCOW_BACKING);
    if (!strcmp(format, "qed"))
        return !(b[QED_FEATURES] & QED_BACKING);
    static const char orphan[] = "parentCID=ffffffff";
    return !strcmp(format, "vmdk") && memmem(b, (size_t)n, orphan, sizeof(orphan) - 1);
}
