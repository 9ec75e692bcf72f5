/* SPDX-License-Identifier: GPL-3.0-or-later */
/* merged.h - the runs of a whole chain, from pages that the cache keeps. */
#ifndef SNAPFS_IMAGE_MERGED_H
#define SNAPFS_IMAGE_MERGED_H

#include "image/chain.h"

/* Works as chain_run, but uses the known pages and ignores holes in files. A run may end early.
 * Call merged_init once all layers are there. */
int merged_run(struct image *im, uint64_t offset, uint64_t limit, struct chain_run *ret,
               struct err *e);
void merged_init(struct image *im);

/* Does the same, but also finds holes in files. Adds to *ret_asked one and the number of layers
 * that it asked. */
int merged_map(struct image *im, uint64_t offset, uint64_t limit, struct chain_run *ret,
               unsigned *ret_asked, struct err *e);

#endif
