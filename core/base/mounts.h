/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mounts.h - does a path lead into a snapfs mount? Asked before any image file is opened: a daemon
 * that opens a file of its own mount waits for itself. */
#ifndef SNAPFS_BASE_MOUNTS_H
#define SNAPFS_BASE_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

/* All FUSE mounts of subtype snapfs at one moment, and the overlays and FUSE file systems (bindfs)
 * that show a directory of one. */
struct mounts;

/* From /proc/self/mountinfo. NULL without memory. */
struct mounts *mounts_read(void);
void mounts_free(struct mounts *m); /* NULL allowed */
MEM_CLEANUP(struct mounts, mounts_free)

/* Walks `path` one name at a time, following symbolic links, and stops with EOPNOTSUPP at the first
 * directory on a snapfs mount, before anything is asked of it; then *ret_mount_path (ret_mount_path may be
 * NULL) is what is left of the path, from the root of that file system on, owned by the caller. 0
 * when the path leads elsewhere or does not exist; ELOOP past 40 links. A file of an overlay that
 * has a directory of a mount below counts as one of the mount. */
int mounts_check(const struct mounts *m, const char *path, char **ret_mount_path, struct err *e);

/* Decodes a path of mountinfo in place: the kernel writes blanks and backslashes as \ooo. */
void mounts_unescape(char *s);

#endif
