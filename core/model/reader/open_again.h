/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_again.h - goes on with an image whose files an operation has changed. */
#ifndef SNAPFS_MODEL_READER_OPEN_AGAIN_H
#define SNAPFS_MODEL_READER_OPEN_AGAIN_H

#include "model/reader/open_images.h"

/* Waits until no operation is under way on the image's domain, then opens the image again by the
 * chain that the snapshot has now, into *ret. For a reader of `old`, whose files were changed.
 *
 * `wanted` is called about every CHANGES_LOOK_MS meanwhile, and ends the wait with EINTR when it
 * says no. ESTALE: the snapshot has gone, or its bytes may be others. Any other errno: that cannot
 * be told now. */
int open_image_again(struct open_image *o, struct image *old, bool (*wanted)(void *ctx), void *ctx,
                     struct image **ret, struct err *e);

#endif
