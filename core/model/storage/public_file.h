/* SPDX-License-Identifier: GPL-3.0-or-later */
/* public_file.h - files that give nothing away. */
#ifndef SNAPFS_MODEL_STORAGE_PUBLIC_FILE_H
#define SNAPFS_MODEL_STORAGE_PUBLIC_FILE_H

#include <stdbool.h>

/* May everyone read the file, and can root alone write it or any directory above it? Such a file
 * may be read although an image's header alone names it, as the base of a cloud image is: it holds
 * no secret, and nobody can exchange it. False for a path with a link or "..". */
bool public_file(const char *path);

#endif
