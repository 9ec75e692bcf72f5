/* SPDX-License-Identifier: GPL-3.0-or-later */
/* foreign_size.h - the size of the disk in a file of a format of foreign.h. */
#ifndef SNAPFS_IMAGE_FOREIGN_SIZE_H
#define SNAPFS_IMAGE_FOREIGN_SIZE_H

#include "image/foreign.h"

/* Reads the size of the disk in the file, whose format is foreign_find's `i`. Fails with EINVAL if
 * the file has another format, with EOPNOTSUPP if its disk is also in other files. */
int foreign_size(const struct image_file *f, int i, uint64_t *ret, struct err *e);

#endif
