/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_id.h - the two numbers that tell one file of the host from another. */
#ifndef SNAPFS_BASE_FILE_ID_H
#define SNAPFS_BASE_FILE_ID_H

#include <stdint.h>
#include <sys/stat.h>

/* The device number of every block device: it is one device by whatever node, of which each
 * namespace may have its own. */
#define FILE_DEV_BLOCK UINT64_MAX

/* Of a block device *ret_dev gets FILE_DEV_BLOCK and *ret_ino the number of the device. */
void file_id(const struct stat *st, uint64_t *ret_dev, uint64_t *ret_ino);

#endif
