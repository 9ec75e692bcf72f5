/* SPDX-License-Identifier: GPL-3.0-or-later */
/* partitions.h - the partitions of a disk, by its MBR (logical ones too) or its GPT.
 *
 * They are what Linux shows to the guest. The tables are written by the guest: every number in them
 * is compared with the disk's size or a limit, so that the work is bounded whatever they say. Bytes
 * come by a callback; no locks, no state.
 */
#ifndef SNAPFS_IMAGE_PARTITIONS_H
#define SNAPFS_IMAGE_PARTITIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    PARTITIONS_MAX = 128,                  /* and the largest number that one has */
    PARTITIONS_SECTOR_MAX = 4096,          /* the other size of a sector is 512 */
    PARTITIONS_BYTES_MAX = 5 * 1024 * 1024 /* that the callback is asked for in all */
};

struct partition {
    unsigned number;         /* as the guest's kernel counts: logical ones from 5 on */
    uint64_t offset, length; /* bytes of the disk; inside it */
};

struct partitions {
    unsigned sector; /* bytes: 512 or 4096 */
    size_t n;        /* by number; an extended partition is none, it only holds logical ones */
    struct partition all[PARTITIONS_MAX];
    /* Why a number that is not among them may be missing: the tables say what cannot be, and that
     * part of them was left out; static; NULL where they are whole. */
    const char *wrong;
};

/* Fills all of `buf`; 0 or -errno. Never asked for a byte past the disk's end. */
typedef int partitions_read(void *ctx, void *buf, size_t len, uint64_t offset, struct err *e);

/* The partitions of a disk of `size` bytes, whose sectors have 512 or 4096 bytes; 0: not known,
 * they are then as large as where a GPT stands says, or 512. A disk without a table has none.
 * Overlaps are no fault: the guest sees the same. Only `read` fails. */
int partitions_find(partitions_read *read, void *ctx, uint64_t size, unsigned sector,
                    struct partitions *ret, struct err *e);

/* The one with that number, or NULL. */
const struct partition *partitions_get(const struct partitions *p, unsigned number);

#endif
