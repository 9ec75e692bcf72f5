/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.h - the places of a layer's bytes. */
#ifndef SNAPFS_IMAGE_RUN_H
#define SNAPFS_IMAGE_RUN_H

#include "image/layer.h"

/* Returns the run at `offset` < l->size, at most `limit` bytes. The run also ends with a part of 64
 * KiB of the tables, the one that has the next page, so that the work is bounded. With `holes` it
 * tells holes of the file apart. Fails with EIO if the layer is damaged, for ret->length bytes;
 * with ESTALE if the file was changed. */
int layer_run(struct layer *l, uint64_t offset, uint64_t limit, bool holes, struct run *ret,
              struct err *e);

/* Tells whether bytes of the layer may be in holes of its file. */
bool layer_has_holes(const struct layer *l);

/* Returns the whole decompressed cluster of a RUN_COMPRESSED, with a reference. */
int layer_cluster(struct layer *l, const struct run *run, struct block **ret, struct err *e);

#endif
