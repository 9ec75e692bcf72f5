/* SPDX-License-Identifier: GPL-3.0-or-later */
/* partition_table.h - a list of partitions, and the disk from which it is read; for mbr.c and
 * gpt.c.
 *
 * The guest writes the tables. So every number in them is compared with the disk's size or a limit.
 * No locks, no state.
 */
#ifndef SNAPFS_IMAGE_PARTITION_TABLE_H
#define SNAPFS_IMAGE_PARTITION_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    PARTITIONS_MAX = 128,                  /* also the largest number of a partition */
    PARTITIONS_SECTOR_MAX = 4096,          /* a sector has this size, or 512 bytes */
    PARTITIONS_BYTES_MAX = 5 * 1024 * 1024 /* read through the callback in one search */
};

struct partition {
    unsigned number;         /* as the guest's kernel counts: logical partitions begin at 5 */
    uint64_t offset, length; /* bytes of the disk; inside it */
};

struct partitions {
    unsigned sector; /* bytes: 512 or 4096 */
    size_t n;        /* without extended partitions, which only hold logical ones */
    struct partition all[PARTITIONS_MAX];
    /* If a part of the tables is impossible, it was left out, and a partition may be missing. Then
     * this is the reason, a static text. NULL if the tables are whole. */
    const char *wrong;
};

/* Fills all of `buf`; returns 0 or -errno. Never called for a byte past the disk's end. */
typedef int partitions_read(void *ctx, void *buf, size_t len, uint64_t offset, struct err *e);

/* A disk whose partitions are being read. */
struct disk {
    partitions_read *read;
    void *ctx;
    uint64_t size;   /* bytes */
    unsigned sector; /* bytes */
};

/* Reads the sector of that number to `buf`. Returns 1, 0 if the disk has no such sector, or -errno.
 * */
int disk_sector(const struct disk *d, uint64_t number, uint8_t *buf, struct err *e);

/* Adds the partition that begins at sector `first` and has `sectors` sectors. If it is not inside
 * the disk, ret->wrong notes that instead. */
void partitions_add(struct partitions *ret, const struct disk *d, unsigned number, uint64_t first,
                    uint64_t sectors);

#endif
