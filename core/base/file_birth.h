/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_birth.h - tells a file from a later file of the same name, perhaps with the same inode. */
#ifndef SNAPFS_BASE_FILE_BIRTH_H
#define SNAPFS_BASE_FILE_BIRTH_H

#include <stdint.h>

struct file_birth {
    uint64_t ino;
    uint64_t ns; /* time of creation since 1970; 0 if the file system has none */
};

/* Fills *ret from the file at `path`. Returns -errno if statx fails. */
int file_birth(const char *path, struct file_birth *ret);

#endif
