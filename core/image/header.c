/* SPDX-License-Identifier: GPL-3.0-or-later */
/* header.c - see header.h. Pure functions and reads; no locks. */
#include "image/header.h"

#include <errno.h>

enum { HEADER_TRIES = 8, QCOW_MAGIC = 0x514649fb };

static const uint64_t known = INCOMPAT_DIRTY | INCOMPAT_CORRUPT | INCOMPAT_DATA_FILE |
                              INCOMPAT_COMPRESSION | INCOMPAT_EXTENDED_L2;

void header_drop(struct header *h)
{
    free(h->backing);
    extensions_drop(&h->ext);
    *h = (struct header){0};
}

static int malformed(struct err *e, const char *path, const char *what)
{
    return err_fail(e, EINVAL, "'%s' is not a valid qcow2 image: %s", path, what);
}

static void load_fixed(const uint8_t *b, struct header *h)
{
    h->version = be32(b + 4);
    h->backing_offset = be64(b + 8);
    h->backing_size = be32(b + 16);
    h->cluster_bits = be32(b + 20);
    h->encryption = be32(b + 32);
    h->size = be64(b + 24) / VIRTUAL_SECTOR * VIRTUAL_SECTOR;
    h->l1_size = be32(b + 36);
    h->l1_offset = be64(b + 40);
    h->snapshots = be32(b + 60);
    h->snapshots_offset = be64(b + 64);
    h->length = HEADER_V2_SIZE;
}

static int check_fixed(const char *path, const struct header *h, struct err *e)
{
    if (h->version != 2 && h->version != 3)
        return err_fail(e, EOPNOTSUPP, "'%s' is qcow2 version %u; snapfs reads 2 and 3", path,
                        h->version);
    if (h->cluster_bits < CLUSTER_BITS_MIN || h->cluster_bits > CLUSTER_BITS_MAX)
        return malformed(e, path, "its cluster size is not between 512 bytes and 2 MiB");
    if (h->encryption > ENCRYPTION_LUKS)
        return malformed(e, path, "unknown encryption method");
    if (h->size > INT64_MAX)
        return malformed(e, path, "its disk is larger than any can be");
    if (h->snapshots > SNAPSHOTS_MAX)
        return malformed(e, path, "it claims more than 65536 snapshots");
    if (h->snapshots && h->snapshots_offset & ((UINT64_C(1) << h->cluster_bits) - 1))
        return malformed(e, path, "its snapshot table is not aligned to a cluster");
    return 0;
}

static int check_backing(const char *path, const struct header *h, struct err *e)
{
    uint64_t cluster = UINT64_C(1) << h->cluster_bits;
    if (!h->backing_offset)
        return 0;
    if (h->backing_offset > cluster)
        return malformed(e, path, "its backing file name lies outside the first cluster");
    if (h->backing_size && h->backing_offset < h->length)
        return malformed(e, path, "its backing file name lies inside the header");
    if (h->backing_size > min_u64(BACKING_NAME_MAX, cluster - h->backing_offset))
        return malformed(e, path, "its backing file name is too long");
    return 0;
}

/* Loads the fields from 72 on. Version 2 has none of them. */
static int load_v3(const uint8_t *b, size_t have, const char *path, struct header *h, struct err *e)
{
    h->incompatible = be64(b + 72);
    h->autoclear = be64(b + 88);
    h->length = be32(b + 100);
    if (h->length < HEADER_V3_SIZE || h->length > UINT32_C(1) << h->cluster_bits)
        return malformed(e, path, "its header length is out of range");
    if (be32(b + 96) > 6)
        return malformed(e, path, "its reference counts are wider than 64 bits");
    if (h->length > HEADER_V3_SIZE && have > HEADER_V3_SIZE)
        h->compression = b[HEADER_V3_SIZE];
    if (h->compression > COMPRESSION_ZSTD)
        return err_fail(e, EOPNOTSUPP, "'%s' uses compression type %u; snapfs reads 0 and 1", path,
                        h->compression);
    if ((h->compression != COMPRESSION_ZLIB) != !!(h->incompatible & INCOMPAT_COMPRESSION))
        return malformed(e, path, "its compression type and features disagree");
    return 0;
}

static int check_features(const char *path, const struct header *h, struct err *e)
{
    if (h->ext.unknown)
        return err_fail(e, EOPNOTSUPP,
                        "'%s' needs a feature that snapfs does not know: '%s' (bit %d)", path,
                        h->ext.unknown_feature ? h->ext.unknown_feature : "unnamed",
                        __builtin_ctzll(h->ext.unknown));
    if (h->incompatible & INCOMPAT_EXTENDED_L2 && h->cluster_bits < CLUSTER_BITS_SUB_MIN)
        return malformed(e, path, "its clusters are too small for extended L2 entries");
    if (h->autoclear & AUTOCLEAR_RAW_DATA && !(h->incompatible & INCOMPAT_DATA_FILE))
        return malformed(e, path, "it has a raw data file and yet no data file");
    if (h->incompatible & INCOMPAT_DATA_FILE && h->snapshots)
        return malformed(e, path, "it has a data file and internal snapshots");
    return 0;
}

static int64_t load_backing_name(const uint8_t *b, size_t have, const char *path, struct header *h,
                                 struct err *e)
{
    if (!h->backing_offset || !h->backing_size)
        return 0;
    uint64_t end = h->backing_offset + h->backing_size;
    if (end > have)
        return (int64_t)end;
    const char *name = (const char *)b + h->backing_offset;
    if (memchr(name, '\0', h->backing_size))
        return malformed(e, path, "its backing file name holds a NUL byte");
    h->backing = strndup(name, h->backing_size);
    if (!h->backing)
        return err_nomem(e);
    if (end > h->used)
        h->used = (uint32_t)end;
    return 0;
}

static int64_t parse_into(const uint8_t *b, size_t have, const char *path, struct header *h,
                          struct err *e)
{
    if (have < HEADER_V2_SIZE)
        return HEADER_V2_SIZE;
    if (be32(b) != QCOW_MAGIC)
        return malformed(e, path, "it does not begin as one");
    load_fixed(b, h);
    int r = check_fixed(path, h, e);
    if (r < 0)
        return r;
    if (h->version == 3) {
        if (have < HEADER_V3_SIZE + 8)
            return HEADER_V3_SIZE + 8;
        r = load_v3(b, have, path, h, e);
        if (r < 0)
            return r;
    }
    r = check_backing(path, h, e);
    if (r < 0)
        return r;
    h->ext.used = h->length;
    h->ext.unknown = h->incompatible & ~known;
    uint32_t cluster = UINT32_C(1) << h->cluster_bits;
    uint32_t end = h->backing_offset ? (uint32_t)h->backing_offset : cluster;
    int64_t need = extensions_parse(b, have, end, path, &h->ext, e);
    if (need)
        return need;
    h->used = h->ext.used;
    need = load_backing_name(b, have, path, h, e);
    if (need)
        return need;
    return h->used > have ? (int64_t)h->used : check_features(path, h, e);
}

int64_t header_parse(const uint8_t *bytes, size_t have, const char *path, struct header *ret,
                     struct err *e)
{
    struct header h = {0};
    int64_t r = parse_into(bytes, have, path, &h, e);
    if (r)
        header_drop(&h);
    else
        *ret = h;
    return r;
}

/* Reads as many bytes as the parser asks for. *ret_bytes gets all of them. */
static int load_once(const struct image_file *f, struct header *ret, uint8_t **ret_bytes,
                     struct err *e)
{
    size_t want = HEADER_FIRST_READ;
    for (;;) {
        autofree uint8_t *bytes = malloc(want);
        if (!bytes)
            return err_nomem(e);
        ssize_t have = file_read_some(f, bytes, want, 0, e);
        if (have < 0)
            return (int)have;
        int64_t r = header_parse(bytes, (size_t)have, f->path, ret, e);
        if (r < 0)
            return (int)r;
        if (!r) {
            *ret_bytes = take(bytes);
            return 0;
        }
        if ((size_t)have < want)
            return err_fail(e, EINVAL, "'%s' is not a valid qcow2 image: its header is truncated",
                            f->path);
        want = (size_t)r;
    }
}

/* Tells whether the file still begins with these bytes. */
static int still_there(const struct image_file *f, const uint8_t *bytes, size_t len, struct err *e)
{
    autofree uint8_t *again = malloc(len);
    if (!again)
        return err_nomem(e);
    int r = file_read(f, again, len, 0, e);
    return r < 0 ? r : !memcmp(again, bytes, len);
}

int header_load(const struct image_file *f, struct header *ret, uint8_t **ret_bytes, struct err *e)
{
    int r = 0;
    for (int try = 0; try < HEADER_TRIES; try++) {
        struct header h = {0};
        autofree uint8_t *bytes = NULL;
        r = load_once(f, &h, &bytes, e);
        if (r < 0)
            continue;
        r = still_there(f, bytes, h.used, e);
        if (r == 1) {
            *ret = h;
            if (ret_bytes)
                *ret_bytes = take(bytes);
            return 0;
        }
        header_drop(&h);
    }
    return r < 0 ? r : err_fail(e, EBUSY, "the header of '%s' keeps changing", f->path);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

bool header_same_mapping(const struct header *a, const struct header *b)
{
    const uint64_t passing = INCOMPAT_DIRTY | INCOMPAT_CORRUPT;
    return a->cluster_bits == b->cluster_bits && a->compression == b->compression &&
           (a->incompatible & ~passing) == (b->incompatible & ~passing) &&
           same_text(a->backing, b->backing) &&
           same_text(a->ext.backing_format, b->ext.backing_format) &&
           same_text(a->ext.data_name, b->ext.data_name);
}

int header_check_l1(const struct header *h, const char *path, uint64_t offset, uint32_t entries,
                    uint64_t size, uint64_t file_size, struct err *e)
{
    unsigned shift = h->cluster_bits + header_l2_bits(h);
    uint64_t needed = (size >> shift) + ((size & ((UINT64_C(1) << shift) - 1)) != 0);
    uint64_t bytes = (uint64_t)entries * 8, end;
    if (bytes > L1_BYTES_MAX)
        return malformed(e, path, "its L1 table is larger than 32 MiB");
    if (entries < needed)
        return malformed(e, path, "its L1 table does not cover the disk");
    if (offset & ((UINT64_C(1) << h->cluster_bits) - 1))
        return malformed(e, path, "its L1 table is not aligned to a cluster");
    if (needed && !offset)
        return malformed(e, path, "it has no L1 table");
    if (!add_u64(offset, bytes, &end) || end > INT64_MAX)
        return malformed(e, path, "its L1 table lies past any file");
    if (needed && end > file_size)
        return err_fail(e, EIO, "'%s' is truncated: its L1 table lies past the end", path);
    return 0;
}
