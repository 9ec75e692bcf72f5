/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ahead.h - the kernel's read-ahead of the mount, 128 KiB unless a program raises it. */
#ifndef SNAPFS_FUSE_AHEAD_H
#define SNAPFS_FUSE_AHEAD_H

#include "fuse/fs.h"

/* Remembers the device of the mount. It asks the kernel, without a request to the mount itself. */
void ahead_find(struct fs *fs, const char *mountpoint);

/* Raises the read-ahead to 256 KiB, once. If that is not permitted, nothing happens. Call it after
 * the reply to the kernel's INIT, because INIT resets the value. */
void ahead_raise(struct fs *fs);

#endif
