/* SPDX-License-Identifier: GPL-3.0-or-later */
/* removable.c - see removable.h. */
#include "model/storage/removable.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static int refuse(const char *directory, int no, struct err *e)
{
    return err_fail(e, no,
                    "cannot remove files from the directory '%s': %s; nothing was done; ask a "
                    "mount by root for it",
                    directory, strerrordesc_np(no));
}

/* In a sticky directory only the owners of the file and of the directory may. */
static bool is_kept_by_others(const char *path, const struct stat *directory)
{
    struct stat st;
    uid_t owner = lstat(path, &st) == 0 ? st.st_uid : 0;
    return (directory->st_mode & S_ISVTX) && directory->st_uid != geteuid() && owner != geteuid();
}

int removable_check(const char *path, struct err *e)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    if (!slash)
        return err_fail(e, EINVAL, "'%s' names no directory", path);
    autofree char *directory = strndup(path, slash > path ? (size_t)(slash - path) : 1);
    if (!directory)
        return err_nomem(e);
    if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) < 0 || stat(directory, &st) < 0)
        return refuse(directory, errno, e);
    return geteuid() != 0 && is_kept_by_others(path, &st) ? refuse(directory, EACCES, e) : 0;
}
