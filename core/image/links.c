/* SPDX-License-Identifier: GPL-3.0-or-later */
/* links.c - see links.h. Walks the path by descriptors, as the kernel does. No locks. */
#include "image/links.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/syscall.h>

#include "base/mem.h"

enum { LINKS_MAX = 40 }; /* the kernel's own limit */

struct walk {
    int at; /* the directory where `rest` starts */
    char *rest;
    unsigned links;
    char *link; /* the first link that others can replace */
};

/* Tells whether the path has no link. Most paths have none. */
static bool is_plain(const char *path, struct stat *ret)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    autoclose int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
    return fd >= 0 && fstat(fd, ret) == 0;
}

static bool is_trusted(uid_t uid)
{
    return !uid || uid == geteuid();
}

/* Tells whether the group counts as the user. By custom a user's own group has the user's number.
 * */
static bool is_own_group(gid_t gid)
{
    return !gid || (gid == getegid() && gid == geteuid());
}

/* Tells whether others can put another file in the place of this link. */
static bool is_exchangeable(const struct stat *dir, const struct stat *link)
{
    if (!is_trusted(dir->st_uid))
        return true;
    bool open = dir->st_mode & S_IWOTH || (dir->st_mode & S_IWGRP && !is_own_group(dir->st_gid));
    return open && !(dir->st_mode & S_ISVTX && is_trusted(link->st_uid));
}

static char *path_of(int fd)
{
    char name[64], path[PATH_MAX];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, path, sizeof(path) - 1);
    if (n < 0)
        return NULL;
    path[n] = '\0';
    return strdup(path);
}

static int enter(struct walk *w, int fd)
{
    if (fd < 0)
        return -errno;
    close(w->at);
    w->at = fd;
    return 0;
}

/* Tells whether a link is in /proc. Such a link leads to an open file itself, regardless of its
 * text, because the file may have no name. */
static bool is_magic(int dir)
{
    struct statfs fs;
    return fstatfs(dir, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Puts the link's text before the rest. The walk then starts at the root or in the link's
 * directory. */
static int follow(struct walk *w, const char *name, const char *rest)
{
    char target[PATH_MAX], *joined = NULL;
    ssize_t n = readlinkat(w->at, name, target, sizeof(target) - 1);
    if (n < 0)
        return -errno;
    target[n] = '\0';
    if (++w->links > LINKS_MAX)
        return -ELOOP;
    if (asprintf(&joined, "%s/%s", target, rest) < 0)
        return -ENOMEM;
    free(w->rest);
    w->rest = joined;
    return target[0] == '/' ? enter(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) : 0;
}

static int note_link(struct walk *w, const char *name, const struct stat *link)
{
    struct stat dir;
    if (fstat(w->at, &dir) < 0)
        return -errno;
    if (w->link || !is_exchangeable(&dir, link))
        return 0;
    autofree char *where = path_of(w->at);
    return where && asprintf(&w->link, "%s/%s", strcmp(where, "/") ? where : "", name) >= 0
               ? 0
               : -ENOMEM;
}

/* Walks one name of the rest. Returns 1 if there are more. */
static int step(struct walk *w)
{
    const char *begin = w->rest + strspn(w->rest, "/");
    size_t len = strcspn(begin, "/");
    if (!len)
        return 0;
    autofree char *name = strndup(begin, len), *rest = strdup(begin + len);
    struct stat st;
    if (!name || !rest)
        return -ENOMEM;
    if (fstatat(w->at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    bool link = S_ISLNK(st.st_mode), magic = link && is_magic(w->at);
    int r = link ? note_link(w, name, &st) : 0;
    if (r == 0 && link && !magic) {
        r = follow(w, name, rest);
    } else if (r == 0) {
        r = enter(w, openat(w->at, name, O_PATH | O_CLOEXEC | (magic ? 0 : O_NOFOLLOW)));
        free(w->rest);
        w->rest = take(rest);
    }
    return r < 0 ? r : 1;
}

static int walk_on(struct walk *w, struct stat *ret, char **ret_real)
{
    int r = 1;
    while (r == 1)
        r = step(w);
    if (r == 0 && fstat(w->at, ret) < 0)
        r = -errno;
    if (r < 0 || !w->link)
        return r;
    *ret_real = path_of(w->at);
    return *ret_real ? 0 : -ENOMEM;
}

int links_follow(const char *path, struct stat *ret, char **ret_link, char **ret_real,
                 struct err *e)
{
    *ret_link = *ret_real = NULL;
    if (is_plain(path, ret))
        return 0;
    struct walk w = {.at = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC),
                     .rest = strdup(path)};
    int r = w.at < 0 ? -errno : w.rest ? walk_on(&w, ret, ret_real) : -ENOMEM;
    if (r == 0)
        *ret_link = take(w.link);
    if (w.at >= 0)
        close(w.at);
    free(w.rest);
    free(w.link);
    return r < 0 ? err_fail(e, -r, "cannot open '%s': %s", path, strerrordesc_np(-r)) : 0;
}
