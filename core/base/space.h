/* SPDX-License-Identifier: GPL-3.0-or-later */
/* space.h - how much room a file system has. */
#ifndef SNAPFS_BASE_SPACE_H
#define SNAPFS_BASE_SPACE_H

#include <stdint.h>

#include "base/error.h"

/* Tells how many bytes an ordinary user may still write on the file system of `path`. It is
 * UINT64_MAX if the file system does not tell, such as ramfs, which has no number of blocks. */
int space_free(const char *path, uint64_t *ret, struct err *e);

#endif
