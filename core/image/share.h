/* SPDX-License-Identifier: GPL-3.0-or-later */
/* share.h - open layers, for all the images that stand on them.
 *
 * A file that the chains of many snapshots go through is opened once for all that are open at one
 * time, and so are its pages cached once. What is shared is the active state of a file that is
 * still what it was when it was opened.
 */
#ifndef SNAPFS_IMAGE_SHARE_H
#define SNAPFS_IMAGE_SHARE_H

#include "image/layer.h"

/* The layer, opened or found open, to be given back by share_put. Errors as image_open. */
int share_get(const struct image_source *source, const struct image_policy *policy,
              struct layer **ret, struct err *e);
void share_put(struct layer *l); /* NULL allowed */
MEM_CLEANUP(struct layer, share_put)

#endif
