/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qcow2.h - the mapping of a qcow2 layer, by its tables. */
#ifndef SNAPFS_IMAGE_QCOW2_H
#define SNAPFS_IMAGE_QCOW2_H

#include "image/layer.h"

/* Returns a run of a qcow2's mapping; a part of layer_run. `offset` is an offset in the mapping,
 * which includes l->base. */
int qcow2_run(struct layer *l, uint64_t offset, uint64_t limit, struct run *ret, struct err *e);

#endif
