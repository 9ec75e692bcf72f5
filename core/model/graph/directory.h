/* SPDX-License-Identifier: GPL-3.0-or-later */
/* directory.h - the image files in a directory, also those that no domain has. */
#ifndef SNAPFS_MODEL_GRAPH_DIRECTORY_H
#define SNAPFS_MODEL_GRAPH_DIRECTORY_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/mounts.h"
#include "model/graph/denied.h"

enum { DIRECTORY_FILES_MAX = 10000 }; /* files that are looked at in one directory */

/* Calls `see` for each regular file in the directory, also through a link, in no order. Touches
 * nothing inside a snapfs mount. A directory that cannot be read has no files. *ret_all: all were
 * seen, not only the first DIRECTORY_FILES_MAX. If `see` returns less than 0, the call ends with
 * that result. `denied` gets the first file that may not be looked at. */
int directory_each(const char *path, const struct mounts *mounts,
                   int (*see)(void *ctx, const char *file, const struct stat *st, struct err *e),
                   void *ctx, bool *ret_all, struct denied *denied, struct err *e);

#endif
