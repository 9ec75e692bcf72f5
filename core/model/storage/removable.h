/* SPDX-License-Identifier: GPL-3.0-or-later */
/* removable.h - whether this process, or another user, may remove files from a directory. No
 * locks. */
#ifndef SNAPFS_MODEL_STORAGE_REMOVABLE_H
#define SNAPFS_MODEL_STORAGE_REMOVABLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Checks that this process could unlink that file, whichever user made it. A missing file counts as
 * one of root's. -EACCES or another errno; the message names the directory. */
int removable_check(const char *path, struct err *e);

/* Returns whether that user could unlink the file, and so put another in its place, by the
 * directory's owner, group and mode. An access control list does not count. Asks the system for the
 * user's groups. */
bool removable_by(uid_t uid, const char *path);

#endif
