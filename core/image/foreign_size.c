/* SPDX-License-Identifier: GPL-3.0-or-later */
/* foreign_size.c - the size of the disk in a file of another format, by its header alone: a stat
 * starts no process.
 *
 * The places of the fields are from QEMU's block/vmdk.c, vdi.c, vhdx.h, vpc.c, qcow.c, qed.h and
 * parallels.c. When QEMU later reads the file, QEMU must report the same size (export.c).
 */
#include "image/foreign_size.h"

#include <errno.h>
#include <string.h>

#include "image/header.h"

enum {
    FIELDS_MAX = 512,   /* covers all of the fields below */
    LUKS_PAYLOAD = 104, /* be32, in sectors; the disk is the rest of the file */
    VHDX_REGIONS_AT = 192 * 1024,
    VHDX_TABLE = 64 * 1024, /* the region table and the metadata table: a head and entries */
    VHDX_HEAD = 16,
    VHDX_COUNT = 8, /* le32 */
    VHDX_META_HEAD = 32,
    VHDX_META_COUNT = 10, /* le16 */
    VHDX_ENTRY = 32,      /* begins with a GUID, then a place */
    GUID = 16,
    VPC_FOOTER = 512,   /* of its fields: */
    VPC_APP = 28,       /* the program that made it, 4 letters */
    VPC_SIZE = 48,      /* be64, bytes */
    VPC_CYLINDERS = 56, /* be16 */
    VPC_HEADS = 58,     /* a byte */
    VPC_SECTORS = 59,
    VPC_TYPE = 60, /* be32 */
    VPC_FIXED = 2,
    VPC_DYNAMIC = 3,
    VPC_GEOMETRY_MAX = 65535 * 16 * 255 /* sectors; also the geometry of a larger disk */
};

struct shape {
    const char *magic;
    size_t magic_len, magic_at, size_at;
    bool big_endian;
    unsigned unit; /* bytes */
    int (*size)(const struct image_file *f, const uint8_t *head, uint64_t *ret, struct err *e);
};

static int vhdx_size(const struct image_file *f, const uint8_t *head, uint64_t *ret, struct err *e);
static int vpc_size(const struct image_file *f, const uint8_t *head, uint64_t *ret, struct err *e);
static int luks_size(const struct image_file *f, const uint8_t *head, uint64_t *ret, struct err *e);

static const struct shape shapes[FOREIGN_FORMATS] = {
    [FOREIGN_VMDK] = {"KDMV", 4, 0, 12, false, VIRTUAL_SECTOR},
    [FOREIGN_VDI] = {"\x7f\x10\xda\xbe", 4, 64, 368, false, 1},
    [FOREIGN_QCOW] = {"QFI\xfb\0\0\0\1", 8, 0, 24, true, 1},
    [FOREIGN_QED] = {"QED", 4, 0, 48, false, 1},
    [FOREIGN_PARALLELS] = {"WithouFreSpacExt", 16, 0, 36, false, VIRTUAL_SECTOR},
    [FOREIGN_VHDX] = {"vhdxfile", 8, .unit = 1, .size = vhdx_size},
    [FOREIGN_VPC] = {"", .unit = VIRTUAL_SECTOR, .size = vpc_size},
    [FOREIGN_LUKS] = {"LUKS\xba\xbe\0\1", 8, .unit = 1, .size = luks_size},
};

static uint64_t little(const uint8_t *b, unsigned bytes)
{
    uint64_t n = 0;
    while (bytes--)
        n = n << 8 | b[bytes];
    return n;
}

static uint64_t field(const struct shape *s, const uint8_t *head)
{
    const uint8_t *at = head + s->size_at;
    return s->big_endian ? be64(at) : little(at, 8);
}

/* Returns the entry with that GUID among the `n` at `b`, or NULL. */
static const uint8_t *vhdx_entry(const uint8_t *b, size_t room, uint64_t n, const char *guid)
{
    for (size_t i = 0; i < n && (i + 1) * VHDX_ENTRY <= room; i++)
        if (!memcmp(b + i * VHDX_ENTRY, guid, GUID))
            return b + i * VHDX_ENTRY + GUID;
    return NULL;
}

/* Finds the metadata by the region table, and the size by the metadata. */
static int vhdx_size(const struct image_file *f, const uint8_t *head, uint64_t *ret, struct err *e)
{
    (void)head;
    static const char metadata[] =
        "\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e";
    static const char size[] = "\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8";
    autofree uint8_t *b = malloc(VHDX_TABLE);
    uint8_t value[8];
    if (!b)
        return err_nomem(e);
    int r = file_read(f, b, VHDX_TABLE, VHDX_REGIONS_AT, e);
    const uint8_t *at = r < 0 ? NULL
                              : vhdx_entry(b + VHDX_HEAD, VHDX_TABLE - VHDX_HEAD,
                                           little(b + VHDX_COUNT, 4), metadata);
    uint64_t table = at ? little(at, 8) : 0;
    if (at)
        r = file_read(f, b, VHDX_TABLE, table, e);
    if (at && r == 0)
        at = vhdx_entry(b + VHDX_META_HEAD, VHDX_TABLE - VHDX_META_HEAD,
                        little(b + VHDX_META_COUNT, 2), size);
    if (at && r == 0)
        r = file_read(f, value, sizeof(value), table + little(at, 4), e);
    if (r < 0)
        return r;
    if (!at)
        return err_fail(e, EINVAL, "'%s' is damaged: it does not tell the size of its disk",
                        f->path);
    *ret = little(value, sizeof(value));
    return 0;
}

/* Tells whether the geometry gives the size. QEMU uses the geometry unless the footer names a
 * program that writes sizes that fit no geometry. */
static bool has_geometry(const uint8_t *footer, uint64_t geometry)
{
    static const char without[][4] = {"win ", "qem2", "d2v ", "CTXS", "tap", "wa"};
    bool found = geometry == VPC_GEOMETRY_MAX;
    for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++)
        found |= !memcmp(footer + VPC_APP, without[i], sizeof(without[i]));
    return !found;
}

/* Reads the size of a vpc. A dynamic disk begins with a copy of its footer; a fixed disk only ends
 * with its footer. A third kind has a parent. QEMU would read such a disk without its parent. */
static int vpc_size(const struct image_file *f, const uint8_t *head, uint64_t *ret, struct err *e)
{
    uint8_t b[VPC_FOOTER];
    uint32_t type = VPC_DYNAMIC;
    memcpy(b, head, sizeof(b));
    if (memcmp(b, "conectix", 8) != 0) {
        type = VPC_FIXED;
        int r = f->size < VPC_FOOTER ? 0 : file_read(f, b, sizeof(b), f->size - VPC_FOOTER, e);
        if (r < 0)
            return r;
    }
    if (memcmp(b, "conectix", 8) != 0)
        return err_fail(e, EINVAL, "'%s' does not begin or end as a vpc does", f->path);
    if (be32(b + VPC_TYPE) != type)
        return err_fail(e, EOPNOTSUPP, "'%s' is a vpc of several files, which is not read here",
                        f->path);
    uint64_t geometry = (uint64_t)be16(b + VPC_CYLINDERS) * b[VPC_HEADS] * b[VPC_SECTORS];
    *ret = has_geometry(b, geometry) ? geometry : be64(b + VPC_SIZE) / VIRTUAL_SECTOR;
    return 0;
}

static int luks_size(const struct image_file *f, const uint8_t *head, uint64_t *ret, struct err *e)
{
    uint64_t begin = (uint64_t)be32(head + LUKS_PAYLOAD) * VIRTUAL_SECTOR;
    if (begin > f->size)
        return err_fail(e, EINVAL, "'%s' is truncated: it ends before its data", f->path);
    *ret = f->size - begin;
    return 0;
}

/* Refuses a file whose header may name other files. QEMU would open them, regardless of the policy.
 * */
static int check_alone(const struct image_file *f, int i, uint64_t size, struct err *e)
{
    const char *format = foreign_name(i);
    if (i == FOREIGN_VMDK && !size)
        return err_fail(e, EOPNOTSUPP, "'%s' is a %s of several files, which is not read here",
                        f->path, format);
    if (!foreign_has_no_backing(f, format))
        return err_fail(e, EOPNOTSUPP, "'%s' is a %s with a backing file, which is not read here",
                        f->path, format);
    return 0;
}

int foreign_size(const struct image_file *f, int i, uint64_t *ret, struct err *e)
{
    const struct shape *s = &shapes[i];
    uint8_t head[FIELDS_MAX] = {0};
    uint64_t size = 0;
    ssize_t n = file_read_some(f, head, sizeof(head), 0, e);
    if (n < 0)
        return (int)n;
    if (memcmp(head + s->magic_at, s->magic, s->magic_len) != 0)
        return err_fail(e, EINVAL, "'%s' does not begin as a %s of one file does", f->path,
                        foreign_name(i));
    int r = s->size ? s->size(f, head, &size, e) : 0;
    if (r < 0)
        return r;
    if (!s->size)
        size = field(s, head);
    r = check_alone(f, i, size, e);
    if (r < 0)
        return r;
    if (!mul_u64(size, s->unit, &size) || size > INT64_MAX - VIRTUAL_SECTOR)
        return err_fail(e, EINVAL, "'%s' is larger than any disk can be", f->path);
    *ret = (size + VIRTUAL_SECTOR - 1) / VIRTUAL_SECTOR * VIRTUAL_SECTOR;
    return 0;
}
