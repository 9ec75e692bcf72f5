/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sync.h - files that outlive a crash of the machine. */
#ifndef SNAPFS_BASE_SYNC_H
#define SNAPFS_BASE_SYNC_H

#include "base/error.h"

/* Writes a directory's entries to the disk. */
int sync_directory(const char *path, struct err *e);

/* Writes a file (not a link) to the disk, and the entry of its directory that names it. `path` must
 * begin with '/'. */
int sync_file(const char *path, struct err *e);

#endif
