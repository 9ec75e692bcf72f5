/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open.h - from a snapshot's disk to its bytes, and what is remembered of them. */
#ifndef SNAPFS_MODEL_READER_OPEN_H
#define SNAPFS_MODEL_READER_OPEN_H

#include "image/image.h"
#include "model/model.h"

/* What is remembered of each image with its domain: readable or not, and its size. */
struct probes *probes_new(size_t n);
void probes_free(struct probes *p); /* NULL allowed */

/* Returns the sum of the allocated bytes of the images that are known by now. Asks nobody. */
uint64_t images_allocated(const struct domain *d);

/* The partitions of a disk that are remembered, NULL for none; borrowed from `d`. */
struct partitions;
const struct partitions *images_partitions(const struct domain *d,
                                           const struct snapshot_disk *disk);
/* Takes `found` over and remembers it, unless others were first; those that count. */
const struct partitions *images_keep_partitions(struct domain *d, const struct snapshot_disk *disk,
                                                struct partitions *found);

/* What is remembered of images that stand on one file each holds in `d`, too, where all else is as
 * it was. Of others the files below may have changed. */
void images_inherit(struct domain *d, const struct domain *before);

/* model_image_facts, and the chain in image_describe_chain's words, owned by `d`. */
int images_probe(struct model *m, struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, struct image_facts *ret_facts,
                 const char **ret_chain, struct err *e);

/* Is the snapshot's content the file right below the overlay that was made with it, or one that is
 * not in its chain at all (after a blockpull), or is that overlay gone? EIO: it is further down, so
 * that its bytes are those of another snapshot. */
int images_check_content(const struct domain *d, const struct snapshot *s,
                         const struct snapshot_disk *disk, struct err *e);

/* Asks `see` about each file of the image (image_each_file), whatever may be wrong with its
 * bytes. */
int images_each_file(struct model *m, struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, image_see *see, void *ctx, struct err *e);

#endif
