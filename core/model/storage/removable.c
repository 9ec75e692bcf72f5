/* SPDX-License-Identifier: GPL-3.0-or-later */
/* removable.c - see removable.h. */
#include "model/storage/removable.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { GROUPS_MAX = 256, USER_BYTES = 16384 };

static int refuse(const char *directory, int no, struct err *e)
{
    return err_fail(
        e, no,
        "cannot remove files from the directory '%s': %s; nothing was done; use a mount by root",
        directory, strerrordesc_np(no));
}

/* Returns whether others keep the file: in a sticky directory only the owners of the file and of
 * the directory may remove it. */
static bool is_kept_by_others(uid_t uid, const char *path, const struct stat *directory)
{
    struct stat st;
    uid_t owner = lstat(path, &st) == 0 ? st.st_uid : 0;
    return (directory->st_mode & S_ISVTX) && directory->st_uid != uid && owner != uid;
}

/* Returns the directory of the path; NULL without memory. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : NULL;
}

int removable_check(const char *path, struct err *e)
{
    struct stat st;
    if (!strchr(path, '/'))
        return err_fail(e, EINVAL, "'%s' names no directory", path);
    autofree char *directory = directory_of(path);
    if (!directory)
        return err_nomem(e);
    if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) < 0 || stat(directory, &st) < 0)
        return refuse(directory, errno, e);
    return geteuid() != 0 && is_kept_by_others(geteuid(), path, &st) ? refuse(directory, EACCES, e)
                                                                     : 0;
}

static bool is_in_group(uid_t uid, gid_t gid)
{
    struct passwd user, *found = NULL;
    autofree char *bytes = malloc(USER_BYTES);
    autofree gid_t *groups = calloc(GROUPS_MAX, sizeof(*groups));
    int n = GROUPS_MAX;
    if (!bytes || !groups || getpwuid_r(uid, &user, bytes, USER_BYTES, &found) != 0 || !found ||
        getgrouplist(user.pw_name, user.pw_gid, groups, &n) < 0)
        return false;
    for (int i = 0; i < n; i++)
        if (groups[i] == gid)
            return true;
    return false;
}

bool removable_by(uid_t uid, const char *path)
{
    enum { WRITE_AND_ENTER = S_IWOTH | S_IXOTH };
    struct stat st;
    autofree char *directory = directory_of(path);
    if (uid == 0)
        return true;
    if (!directory || stat(directory, &st) < 0 || is_kept_by_others(uid, path, &st))
        return false;
    if (st.st_uid == uid)
        return true;
    bool others = (st.st_mode & WRITE_AND_ENTER) == WRITE_AND_ENTER;
    bool group = (st.st_mode >> 3 & WRITE_AND_ENTER) == WRITE_AND_ENTER;
    return others == group ? others : is_in_group(uid, st.st_gid) == group;
}
