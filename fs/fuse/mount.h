/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mount.h - from the options to a mounted FUSE session. */
#ifndef SNAPFS_FUSE_MOUNT_H
#define SNAPFS_FUSE_MOUNT_H

#include "base/error.h"
#include "fuse/lowlevel.h"
#include "fuse/options.h"

/* Is the mountpoint a directory that can be mounted on, can /dev/fuse be opened, does libfuse know
 * the options that are not ours? All that can be told before anything is connected to. Replaces
 * the mountpoint by its absolute path. */
int mount_check(struct options *o, struct err *e);

/* A session of these operations; `source` is what stands for the device in mount(8)'s list. */
int mount_session(const struct options *o, const char *source, const struct fuse_lowlevel_ops *ops,
                  void *userdata, struct fuse_session **ret, struct err *e);

/* Mounts it. One sentence on failure, whatever libfuse and fusermount3 print. */
int mount_attach(struct fuse_session *session, const char *mountpoint, struct err *e);

#endif
