/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.h - the places of a layer's bytes. */
#ifndef SNAPFS_IMAGE_RUN_H
#define SNAPFS_IMAGE_RUN_H

#include "image/layer.h"

/* Returns the run at `offset` < l->size, at most `limit` bytes. To bound the work, the run also
 * ends where a part of 64 KiB of the tables ends: the part that has the next page. With `holes`,
 * holes of the file are runs of their own. If the layer is damaged for ret->length bytes, it fails
 * with EIO. If the file was changed, it fails with ESTALE. */
int layer_run(struct layer *l, uint64_t offset, uint64_t limit, bool holes, struct run *ret,
              struct err *e);

/* Tells whether bytes of the layer may be in holes of its file. */
bool layer_has_holes(const struct layer *l);

/* Returns the whole decompressed cluster of a RUN_COMPRESSED, with a reference. */
int layer_cluster(struct layer *l, const struct run *run, struct block **ret, struct err *e);

#endif
