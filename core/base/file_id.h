/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_id.h - the two numbers that tell one file of the host from another. */
#ifndef SNAPFS_BASE_FILE_ID_H
#define SNAPFS_BASE_FILE_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* The device number of every block device. Several nodes may name one device, because each
 * namespace may have a node of its own. */
#define FILE_DEV_BLOCK UINT64_MAX

/* Fills *ret_dev and *ret_ino from `st`. If the file is a block device, *ret_dev gets
 * FILE_DEV_BLOCK and *ret_ino gets the device's number. */
void file_id(const struct stat *st, uint64_t *ret_dev, uint64_t *ret_ino);

/* Return whether the file has these numbers, or is the same as another file. */
bool file_has_id(const struct stat *st, uint64_t dev, uint64_t ino);
bool file_is_same(const struct stat *a, const struct stat *b);

/* Returns whether there is a file at `path`, behind any links, and it has these numbers. */
bool file_has_id_at(const char *path, uint64_t dev, uint64_t ino);

#endif
