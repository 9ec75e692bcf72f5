/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parts.h - the partitions of a snapshot's disk (image/partitions.h), remembered with the domain.
 */
#ifndef SNAPFS_MODEL_READER_PARTS_H
#define SNAPFS_MODEL_READER_PARTS_H

#include "image/partitions.h"
#include "model/catalog/domain.h"

struct model;

/* Finds the offset and the length of a partition, in bytes. It fails:
 * - with ENOENT if the disk has no partition of that number;
 * - with EINVAL if the partition tables are wrong;
 * - with any other errno if the disk's image cannot be read. */
int model_partition(struct model *m, struct domain *d, const struct snapshot *s,
                    const struct snapshot_disk *disk, unsigned number, struct partition *ret,
                    struct err *e);

#endif
