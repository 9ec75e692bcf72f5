/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_id.h - the two numbers that tell one file of the host from another. */
#ifndef SNAPFS_BASE_FILE_ID_H
#define SNAPFS_BASE_FILE_ID_H

#include <stdint.h>
#include <sys/stat.h>

/* The device number of every block device. Several nodes may name one device, because each
 * namespace may have a node of its own. */
#define FILE_DEV_BLOCK UINT64_MAX

/* Fills *ret_dev and *ret_ino from `st`. If the file is a block device, *ret_dev gets
 * FILE_DEV_BLOCK and *ret_ino gets the device's number. */
void file_id(const struct stat *st, uint64_t *ret_dev, uint64_t *ret_ino);

#endif
