/* SPDX-License-Identifier: GPL-3.0-or-later */
/* partitions.h - the partitions of a disk, by its MBR (logical ones too) or its GPT. They are the
 * partitions that Linux shows to the guest.
 *
 * The guest writes the tables. So every number in them is compared with the disk's size or a limit,
 * and the work is always bounded. A callback reads the bytes; no locks, no state.
 */
#ifndef SNAPFS_IMAGE_PARTITIONS_H
#define SNAPFS_IMAGE_PARTITIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    PARTITIONS_MAX = 128,                  /* also the largest number of a partition */
    PARTITIONS_SECTOR_MAX = 4096,          /* a sector has this size, or 512 bytes */
    PARTITIONS_BYTES_MAX = 5 * 1024 * 1024 /* that one search reads through the callback in all */
};

struct partition {
    unsigned number;         /* as the guest's kernel counts: logical ones from 5 on */
    uint64_t offset, length; /* bytes of the disk; inside it */
};

struct partitions {
    unsigned sector; /* bytes: 512 or 4096 */
    size_t n;        /* without extended partitions, which only hold logical ones */
    struct partition all[PARTITIONS_MAX];
    /* Says why a partition may be missing: a part of the tables is impossible and was left out.
     * Static. NULL if the tables are whole. */
    const char *wrong;
};

/* Fills all of `buf`; returns 0 or -errno. Never called for a byte past the disk's end. */
typedef int partitions_read(void *ctx, void *buf, size_t len, uint64_t offset, struct err *e);

/* Finds the partitions of a disk of `size` bytes, whose sectors have 512 or 4096 bytes. With 0 the
 * place of a GPT tells the sectors' size, and without a GPT it is 512. A disk without a table has
 * no partitions. Overlaps are allowed, because the guest sees them too. It fails only if `read`
 * fails. */
int partitions_find(partitions_read *read, void *ctx, uint64_t size, unsigned sector,
                    struct partitions *ret, struct err *e);

/* Returns the partition with that number, or NULL. */
const struct partition *partitions_get(const struct partitions *p, unsigned number);

#endif
