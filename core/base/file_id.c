/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_id.c - see file_id.h. */
#include "base/file_id.h"

void file_id(const struct stat *st, uint64_t *ret_dev, uint64_t *ret_ino)
{
    bool block = S_ISBLK(st->st_mode);
    *ret_dev = block ? FILE_DEV_BLOCK : st->st_dev;
    *ret_ino = block ? st->st_rdev : st->st_ino;
}

bool file_has_id(const struct stat *st, uint64_t dev, uint64_t ino)
{
    uint64_t own_dev, own_ino;
    file_id(st, &own_dev, &own_ino);
    return own_dev == dev && own_ino == ino;
}

bool file_is_same(const struct stat *a, const struct stat *b)
{
    uint64_t dev, ino;
    file_id(b, &dev, &ino);
    return file_has_id(a, dev, ino);
}

bool file_has_id_at(const char *path, uint64_t dev, uint64_t ino)
{
    struct stat st;
    return stat(path, &st) == 0 && file_has_id(&st, dev, ino);
}
