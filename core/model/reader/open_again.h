/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_again.h - goes on with an image after an operation has changed its files. */
#ifndef SNAPFS_MODEL_READER_OPEN_AGAIN_H
#define SNAPFS_MODEL_READER_OPEN_AGAIN_H

#include "model/reader/open_images.h"

/* Opens the image again for a reader of `old`, whose files were changed. Waits until no operation
 * is under way on the image's domain. Then opens the chain that the snapshot has now, into *ret.
 *
 * `wanted` is called about every CHANGES_LOOK_MS meanwhile; if it returns false, the wait ends with
 * EINTR. ESTALE: the snapshot has gone, or its bytes may be others. Any other errno: snapfs cannot
 * tell now.
 */
int open_image_again(struct open_image *o, struct image *old, bool (*wanted)(void *ctx), void *ctx,
                     struct image **ret, struct err *e);

#endif
