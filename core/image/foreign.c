/* SPDX-License-Identifier: GPL-3.0-or-later */
/* foreign.c - see foreign.h. The places of the fields are from QEMU's block/qcow.c and block/qed.h,
 * and from the text of VMware's disk descriptor. A sparse file also has that text near its
 * beginning. */
#include "image/foreign.h"

#include "base/mem.h"

enum {
    HEAD_MAX = 65536,  /* a VMDK descriptor is in it */
    HEAD_MIN = 24,     /* the fields that are read */
    QCOW_VERSION = 4,  /* be32 */
    QCOW_BACKING = 8,  /* be64, the offset of the backing file's name */
    QED_FEATURES = 16, /* le64 */
    QED_BACKING = 1    /* the bit of QED_FEATURES for a backing file */
};

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

bool foreign_stands_alone(const struct image_file *f, const char *format)
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
