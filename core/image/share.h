/* SPDX-License-Identifier: GPL-3.0-or-later */
/* share.h - open layers, shared by all images that use them.
 *
 * If the chains of many snapshots go through a file, the file is opened once for all images that
 * are open at one time. So its pages are cached once too. Only the active state of a file is
 * shared, and only while the file is unchanged since the open.
 */
#ifndef SNAPFS_IMAGE_SHARE_H
#define SNAPFS_IMAGE_SHARE_H

#include "image/layer.h"

/* Returns the layer, opened or found open. Give it back with share_put. Errors as image_open. */
int share_get(const struct image_source *source, const struct image_policy *policy,
              struct layer **ret, struct err *e);
void share_put(struct layer *l); /* NULL allowed */
MEM_CLEANUP(struct layer, share_put)

#endif
