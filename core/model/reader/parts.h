/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parts.h - the partitions of a snapshot's disk (image/partitions.h), remembered with the domain.
 */
#ifndef SNAPFS_MODEL_READER_PARTS_H
#define SNAPFS_MODEL_READER_PARTS_H

#include "image/partitions.h"
#include "model/catalog/domain.h"

struct model;

/* Finds where a partition begins, in bytes, and how long it is. ENOENT: the disk has no partition
 * of that number. EINVAL: the partition tables are wrong. Any other errno: why the disk's image
 * cannot be read. */
int model_partition(struct model *m, struct domain *d, const struct snapshot *s,
                    const struct snapshot_disk *disk, unsigned number, struct partition *ret,
                    struct err *e);

#endif
