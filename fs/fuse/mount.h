/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mount.h - makes a mounted FUSE session from the options. */
#ifndef SNAPFS_FUSE_MOUNT_H
#define SNAPFS_FUSE_MOUNT_H

#include "base/error.h"
#include "fuse/lowlevel.h"
#include "fuse/options.h"

/* Checks everything that can be checked before any connection. The mountpoint must be a directory
 * that can be mounted on, /dev/fuse must open, and libfuse must know the options that snapfs does
 * not know. Replaces the mountpoint by its absolute path. */
int mount_check(struct options *o, struct err *e);

/* Makes a session with these operations; `source` is the device's name in mount(8)'s list. */
int mount_session(const struct options *o, const char *source, const struct fuse_lowlevel_ops *ops,
                  void *userdata, struct fuse_session **ret, struct err *e);

/* Mounts the session. If it fails, it returns one sentence, whatever libfuse and fusermount3 print.
 * */
int mount_attach(struct fuse_session *session, const char *mountpoint, struct err *e);

#endif
