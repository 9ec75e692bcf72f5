/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mounts.h - tells whether a path leads into a snapfs mount. snapfs asks before it opens any image
 * file, because a daemon that opens a file of its own mount waits for itself. */
#ifndef SNAPFS_BASE_MOUNTS_H
#define SNAPFS_BASE_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

/* All FUSE mounts of subtype snapfs at one moment. The set also has the overlays and FUSE file
 * systems (bindfs) that show a directory of such a mount. */
struct mounts;

/* Reads /proc/self/mountinfo. Returns NULL if there is no memory. */
struct mounts *mounts_read(void);
void mounts_free(struct mounts *m); /* NULL allowed */
MEM_CLEANUP(struct mounts, mounts_free)

/* Walks `path` one name at a time and follows symbolic links. Returns 0 if the path leads elsewhere
 * or does not exist; fails with ELOOP after 40 links.
 *
 * If a name is on a snapfs mount, it fails with EOPNOTSUPP before it sends that mount any request.
 * *ret_mount_path then gets the rest of the path, from the root of that file system on. The caller
 * owns *ret_mount_path; ret_mount_path may be NULL. If an overlay has a directory of a snapfs mount
 * as a layer, the overlay's files count as files of that mount. */
int mounts_check(const struct mounts *m, const char *path, char **ret_mount_path, struct err *e);

/* Decodes a path of mountinfo in place. The kernel writes blanks and backslashes as \ooo. */
void mounts_unescape(char *s);

#endif
