/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_id.c - see file_id.h. */
#include "base/file_id.h"

#include <stdbool.h>

void file_id(const struct stat *st, uint64_t *ret_dev, uint64_t *ret_ino)
{
    bool block = S_ISBLK(st->st_mode);
    *ret_dev = block ? FILE_DEV_BLOCK : st->st_dev;
    *ret_ino = block ? st->st_rdev : st->st_ino;
}
