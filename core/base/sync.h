/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sync.h - files that outlive a crash of the machine. */
#ifndef SNAPFS_BASE_SYNC_H
#define SNAPFS_BASE_SYNC_H

#include "base/error.h"

/* Brings a directory's entries to the disk. */
int sync_directory(const char *path, struct err *e);

/* Brings a file (no link) to the disk, with the entry of its directory that names it. `path` begins
 * with '/'. */
int sync_file(const char *path, struct err *e);

#endif
