/* SPDX-License-Identifier: GPL-3.0-or-later */
/* directory.c - see directory.h. No locks. */
#include "model/graph/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/text.h"

struct reading {
    const char *path;
    int fd;
    const struct mounts *mounts;
    struct denied *denied;
};

/* Returns whether the entry is a regular file. A link is followed only after a check that it leads
 * outside the mounts. */
static bool is_file(const struct reading *r, const struct dirent *d, const char *file,
                    struct stat *ret)
{
    if (d->d_type != DT_REG && d->d_type != DT_LNK && d->d_type != DT_UNKNOWN)
        return false;
    int res = fstatat(r->fd, d->d_name, ret, AT_SYMLINK_NOFOLLOW);
    if (res == 0 && S_ISLNK(ret->st_mode)) {
        if (mounts_check(r->mounts, file, NULL, NULL) < 0)
            return false;
        res = fstatat(r->fd, d->d_name, ret, 0);
    }
    if (res < 0) {
        denied_note(r->denied, errno, file);
        return false;
    }
    return S_ISREG(ret->st_mode);
}

static int read_names(const struct reading *r, DIR *dir,
                      int (*see)(void *ctx, const char *file, const struct stat *st, struct err *e),
                      void *ctx, bool *ret_all, struct err *e)
{
    const struct dirent *d;
    size_t n = 0;
    int res = 0;
    while (res == 0 && (d = readdir(dir))) {
        autotext struct text file = {0};
        struct stat st;
        text_add(&file, "%s/%s", r->path, d->d_name);
        if (file.failed)
            return err_nomem(e);
        if (!is_file(r, d, file.s, &st))
            continue;
        if (n++ == DIRECTORY_FILES_MAX) {
            *ret_all = false;
            return 0;
        }
        res = see(ctx, file.s, &st, e);
    }
    return res;
}

int directory_each(const char *path, const struct mounts *mounts,
                   int (*see)(void *ctx, const char *file, const struct stat *st, struct err *e),
                   void *ctx, bool *ret_all, struct denied *denied, struct err *e)
{
    *ret_all = true;
    if (mounts_check(mounts, path, NULL, NULL) < 0)
        return 0;
    DIR *dir = opendir(path);
    if (!dir) {
        denied_note(denied, errno, path);
        return 0;
    }
    struct reading r = {.path = path, .fd = dirfd(dir), .mounts = mounts, .denied = denied};
    int res = read_names(&r, dir, see, ctx, ret_all, e);
    closedir(dir);
    return res;
}
