/* SPDX-License-Identifier: GPL-3.0-or-later */
/* removable.h - may this process, or another user, remove files from a directory? No locks. */
#ifndef SNAPFS_MODEL_STORAGE_REMOVABLE_H
#define SNAPFS_MODEL_STORAGE_REMOVABLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Could this process unlink that file, whoever made it? A missing one counts as one of root's.
 * -EACCES or another errno, with a sentence that names the directory. */
int removable_check(const char *path, struct err *e);

/* Could that user, by the directory's owner, group and mode, unlink the file, and so put another in
 * its place? An access control list does not count. Asks the system for the user's groups. */
bool removable_by(uid_t uid, const char *path);

#endif
