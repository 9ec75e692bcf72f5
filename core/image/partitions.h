/* SPDX-License-Identifier: GPL-3.0-or-later */
/* partitions.h - the partitions of a disk, by its MBR (logical ones too) or its GPT. They are the
 * partitions that Linux shows to the guest.
 *
 * The guest writes the tables. So every number in them is compared with the disk's size or a limit,
 * and the work is always bounded. A callback reads the bytes; no locks, no state.
 */
#ifndef SNAPFS_IMAGE_PARTITIONS_H
#define SNAPFS_IMAGE_PARTITIONS_H

#include "image/partition_table.h"

/* Finds the partitions of a disk of `size` bytes, whose sectors have 512 or 4096 bytes. With 0 the
 * place of a GPT tells the sectors' size, and without a GPT it is 512. A disk without a table has
 * no partitions. Overlaps are allowed, because the guest sees them too. It fails only if `read`
 * fails. */
int partitions_find(partitions_read *read, void *ctx, uint64_t size, unsigned sector,
                    struct partitions *ret, struct err *e);

/* Returns the partition with that number, or NULL. */
const struct partition *partitions_get(const struct partitions *p, unsigned number);

#endif
