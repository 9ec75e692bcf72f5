/* SPDX-License-Identifier: GPL-3.0-or-later */
/* header.h - the first cluster of a qcow2 file: fields, extensions, names.
 *
 * Parsing is pure: the input is bytes, the output is fields or a sentence. The format is that of
 * QEMU's docs/interop/qcow2.txt; the limits are those of its qcow2_do_open.
 */
#ifndef SNAPFS_IMAGE_HEADER_H
#define SNAPFS_IMAGE_HEADER_H

#include "image/extensions.h"
#include "image/file.h"

enum {
    HEADER_FIRST_READ = 4096, /* nearly every header is shorter */
    HEADER_V2_SIZE = 72,
    HEADER_V3_SIZE = 104,
    CLUSTER_BITS_MIN = 9,      /* 512 bytes */
    CLUSTER_BITS_MAX = 21,     /* 2 MiB */
    CLUSTER_BITS_SUB_MIN = 14, /* extended L2: 32 subclusters of 512 bytes at least */
    L1_BYTES_MAX = 32 * 1024 * 1024,
    SNAPSHOTS_MAX = 65536,
    VIRTUAL_SECTOR = 512
};

#define INCOMPAT_DIRTY UINT64_C(1)
#define INCOMPAT_CORRUPT UINT64_C(2)
#define INCOMPAT_DATA_FILE UINT64_C(4)
#define INCOMPAT_COMPRESSION UINT64_C(8)
#define INCOMPAT_EXTENDED_L2 UINT64_C(16)
#define AUTOCLEAR_RAW_DATA UINT64_C(2)

enum { COMPRESSION_ZLIB = 0, COMPRESSION_ZSTD = 1 };

enum { ENCRYPTION_NONE = 0, ENCRYPTION_AES = 1, ENCRYPTION_LUKS = 2 };

struct header {
    unsigned version, cluster_bits, compression;
    uint32_t encryption; /* of the clusters; the tables and names are never encrypted */
    uint32_t length;     /* bytes of the fixed part; the extensions begin after it */
    uint32_t used;       /* bytes of the header area that are used */
    uint64_t size;       /* virtual, rounded down to VIRTUAL_SECTOR */
    uint64_t l1_offset;
    uint32_t l1_size; /* entries */
    uint32_t snapshots;
    uint64_t snapshots_offset;
    uint64_t backing_offset;
    uint32_t backing_size;
    uint64_t incompatible, autoclear;
    char *backing; /* NULL: none */
    struct extensions ext;
};

void header_drop(struct header *h);

/* Parses the `have` first bytes of `path`. Returns 0; -errno (EINVAL if malformed, EOPNOTSUPP for
 * an unknown feature); or the number of bytes it needs, more than `have`. Release with header_drop.
 * */
int64_t header_parse(const uint8_t *bytes, size_t have, const char *path, struct header *ret,
                     struct err *e);

/* Reads and parses the header of `f`. It must read the same bytes twice in a row, so that it never
 * returns a header that QEMU has half rewritten. *ret_bytes (h->used of them) may be NULL. */
int header_load(const struct image_file *f, struct header *ret, uint8_t **ret_bytes, struct err *e);

/* Tells whether both headers describe the same mapping and the same backing file. Snapshots,
 * bitmaps and the dirty and corrupt marks may differ. */
bool header_same_mapping(const struct header *a, const struct header *b);

/* Checks one L1 table (of the active state or a snapshot) of a disk of `size` bytes. It checks
 * limits and alignment, and that the table covers the disk and is inside a file of `file_size`
 * bytes. */
int header_check_l1(const struct header *h, const char *path, uint64_t offset, uint32_t entries,
                    uint64_t size, uint64_t file_size, struct err *e);

static inline unsigned header_l2_bits(const struct header *h)
{
    return h->cluster_bits - (h->incompatible & INCOMPAT_EXTENDED_L2 ? 4 : 3);
}

#endif
