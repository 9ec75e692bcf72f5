/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_chain.h - opens the chain that counts for an image (reader/image_backing.h), even if
 * something is wrong with its bytes (reader/open.h checks that). */
#ifndef SNAPFS_MODEL_READER_OPEN_CHAIN_H
#define SNAPFS_MODEL_READER_OPEN_CHAIN_H

#include "image/image.h"
#include "model/catalog/domain.h"

struct model;

int images_open_chain(struct model *m, struct domain *d, const struct snapshot *s,
                      const struct snapshot_disk *disk, struct image **ret, struct err *e);

/* Asks `see` about each file of the image (image_each_file), even if something is wrong with its
 * bytes. */
int images_each_file(struct model *m, struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, image_see *see, void *ctx, struct err *e);

#endif
