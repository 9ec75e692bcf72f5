/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_birth.h - tells a file from another one that has its name, and perhaps its inode, later. */
#ifndef SNAPFS_BASE_FILE_BIRTH_H
#define SNAPFS_BASE_FILE_BIRTH_H

#include <stdint.h>

struct file_birth {
    uint64_t ino;
    uint64_t ns; /* when it was made, since 1970; 0 if its file system does not tell */
};

/* -errno. */
int file_birth(const char *path, struct file_birth *ret);

#endif
