/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open.h - from a snapshot's disk to its bytes, and what is remembered of them. */
#ifndef SNAPFS_MODEL_READER_OPEN_H
#define SNAPFS_MODEL_READER_OPEN_H

#include "image/image.h"
#include "model/catalog/domain.h"
#include "model/reader/probes.h"

struct model;

/* Finds out whether this image can be read, and how big it is. Opens headers only; remembers the
 * result with `d`. Fails with the errno and message for why the image cannot be read. *ret is then
 * filled in as well, with the last known size, unless err_is_resource. */
int model_image_facts(struct model *m, struct domain *d, const struct snapshot *s,
                      const struct snapshot_disk *disk, struct image_facts *ret, struct err *e);

/* Opens the image for reading. Fails with ESTALE if the file no longer holds what `disk->ident`
 * names. */
int model_image_open(struct model *m, struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, struct image **ret, struct err *e);

/* Returns the partitions of a disk that are remembered, or NULL; borrowed from `d`. */
struct partitions;
const struct partitions *images_partitions(const struct domain *d,
                                           const struct snapshot_disk *disk);
/* Takes `found` over and remembers it, unless another thread was first. Returns those that
 * count. */
const struct partitions *images_keep_partitions(struct domain *d, const struct snapshot_disk *disk,
                                                struct partitions *found);

/* Does what model_image_facts does. Also returns the chain in the words of image_describe_chain,
 * owned by `d`. */
int images_probe(struct model *m, struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, struct image_facts *ret_facts,
                 const char **ret_chain, struct err *e);

/* Checks that the file with the snapshot's content is the right one. It may be directly below the
 * overlay that was made with the snapshot, or not in the overlay's chain at all (after a
 * blockpull). The overlay may also be gone. Fails with EIO in two cases: the file is further down in
 * the chain; or the XML tells no chain, and the overlay's backing file is there and is not in the
 * file's own chain. Its bytes are then those of another snapshot. */
int images_check_content(const struct domain *d, const struct snapshot *s,
                         const struct snapshot_disk *disk, struct err *e);

#endif
