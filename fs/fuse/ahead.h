/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ahead.h - the kernel's read-ahead of the mount, 128 KiB unless someone raises it. */
#ifndef SNAPFS_FUSE_AHEAD_H
#define SNAPFS_FUSE_AHEAD_H

#include "fuse/fs.h"

/* Remembers which device the mount is. Asks the kernel without a request to the mount itself. */
void ahead_find(struct fs *fs, const char *mountpoint);

/* Raises the read-ahead to 256 KiB, once; quietly not where that is not permitted. It must come
 * after the kernel's INIT was answered, which sets it back. */
void ahead_raise(struct fs *fs);

#endif
