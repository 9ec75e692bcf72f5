/* SPDX-License-Identifier: GPL-3.0-or-later */
/* public_file.c - see public_file.h. No locks. */
#include "model/storage/public_file.h"

#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

static bool roots_alone(const struct stat *st)
{
    return st->st_uid == 0 && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static bool is_public_directory(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && roots_alone(&st) &&
           (st.st_mode & S_IXOTH);
}

bool public_file(const char *path)
{
    struct stat st;
    autofree char *above = strdup(path);
    if (!above || path[0] != '/' || strstr(path, "/..") || lstat(path, &st) < 0 ||
        !S_ISREG(st.st_mode) || !roots_alone(&st) || !(st.st_mode & S_IROTH) || !st.st_blocks)
        return false; /* a file in /proc or /sys has no blocks */
    for (char *slash = strrchr(above, '/'); slash && slash > above; slash = strrchr(above, '/')) {
        *slash = '\0';
        if (!is_public_directory(above))
            return false;
    }
    return is_public_directory("/");
}
