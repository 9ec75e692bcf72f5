/* SPDX-License-Identifier: GPL-3.0-or-later */
/* removable.h - may this process remove files from a directory? No locks. */
#ifndef SNAPFS_MODEL_STORAGE_REMOVABLE_H
#define SNAPFS_MODEL_STORAGE_REMOVABLE_H

#include "base/error.h"

/* Could this process unlink that file, whoever made it? A missing one counts as one of root's.
 * -EACCES or another errno, with a sentence that names the directory. */
int removable_check(const char *path, struct err *e);

#endif
