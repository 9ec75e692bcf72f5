/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open.h - from a snapshot's disk to its bytes, and what is remembered of them. */
#ifndef SNAPFS_MODEL_READER_OPEN_H
#define SNAPFS_MODEL_READER_OPEN_H

#include "image/image.h"
#include "model/catalog/domain.h"
#include "model/reader/probes.h"

struct model;

/* Can this image be read, and how big is it? Opens headers only; remembered with `d`. The errno and
 * sentence when it cannot be read; *ret is filled then as well, with the last known size, unless
 * err_is_resource. */
int model_image_facts(struct model *m, struct domain *d, const struct snapshot *s,
                      const struct snapshot_disk *disk, struct image_facts *ret, struct err *e);

/* Opens it for reading; ESTALE when the file no longer holds what `disk->ident` names. */
int model_image_open(struct model *m, struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, struct image **ret, struct err *e);

/* The partitions of a disk that are remembered, NULL for none; borrowed from `d`. */
struct partitions;
const struct partitions *images_partitions(const struct domain *d,
                                           const struct snapshot_disk *disk);
/* Takes `found` over and remembers it, unless others were first; those that count. */
const struct partitions *images_keep_partitions(struct domain *d, const struct snapshot_disk *disk,
                                                struct partitions *found);

/* model_image_facts, and the chain in image_describe_chain's words, owned by `d`. */
int images_probe(struct model *m, struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, struct image_facts *ret_facts,
                 const char **ret_chain, struct err *e);

/* Is the snapshot's content the file right below the overlay that was made with it, or one that is
 * not in its chain at all (after a blockpull), or is that overlay gone? EIO: it is further down, so
 * that its bytes are those of another snapshot. */
int images_check_content(const struct domain *d, const struct snapshot *s,
                         const struct snapshot_disk *disk, struct err *e);

#endif
