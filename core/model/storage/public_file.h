/* SPDX-License-Identifier: GPL-3.0-or-later */
/* public_file.h - files that give nothing away. */
#ifndef SNAPFS_MODEL_STORAGE_PUBLIC_FILE_H
#define SNAPFS_MODEL_STORAGE_PUBLIC_FILE_H

#include <stdbool.h>

/* Returns whether everyone may read the file, and only root can write it or any directory above it.
 * Such a file may be read although only an image's header names it, as with the base of a cloud
 * image: it holds no secret, and no other user can exchange it. False for a path with a link or
 * "..". */
bool public_file(const char *path);

#endif
