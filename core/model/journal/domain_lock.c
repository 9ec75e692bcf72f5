/* SPDX-License-Identifier: GPL-3.0-or-later */
/* domain_lock.c - see domain_lock.h.
 *
 * A file may be removed while others wait for its lock. So the process that gets the lock checks
 * that the file still has its name, and begins anew if not.
 */
#include "model/journal/domain_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/uuid.h"
#include "model/journal/file_lock.h"
#include "model/journal/run_directory.h"
#include "model/journal/state_directory.h"

#define ENDING ".lock"

struct domain_lock {
    int dir, fd;
    char name[UUID_LEN + sizeof(ENDING)];
};

static void close_file(struct domain_lock *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

void domain_lock_release(struct domain_lock *l)
{
    if (!l)
        return;
    if (l->fd >= 0)
        flock(l->fd, LOCK_UN); /* also if a child process still has it open */
    close_file(l);
    if (l->dir >= 0)
        close(l->dir);
    free(l);
}

/* Returns 1 if locked, 0 if the file was removed meanwhile. */
static int try_lock(struct domain_lock *l, bool wait, struct err *e)
{
    l->fd = run_file(l->dir, l->name, e);
    int r = l->fd < 0 ? l->fd : file_lock(l->fd, l->name, wait, e);
    if (r < 0)
        return r;
    if (state_is_linked(l->dir, l->name, l->fd))
        return 1;
    close_file(l);
    return 0;
}

int domain_lock_take(struct virt *v, const char *uuid, bool wait, struct domain_lock **ret,
                     struct err *e)
{
    struct domain_lock *l autodestroy(domain_lock_release) = calloc(1, sizeof(*l));
    if (!l)
        return err_nomem(e);
    l->dir = l->fd = -1;
    *ret = NULL;
    if (!run_is_shared(v))
        return 0;
    snprintf(l->name, sizeof(l->name), "%.*s" ENDING, UUID_LEN, uuid);
    int r = l->dir = run_directory(v, true, e);
    for (r = r < 0 ? r : 0; r == 0;)
        r = try_lock(l, wait, e);
    if (r < 0)
        return r;
    *ret = take(l);
    return 0;
}

static bool is_held(int dir, const char *name)
{
    autoclose int fd =
        dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

bool domain_lock_is_held(struct virt *v, const char *uuid)
{
    struct err ignored;
    char name[UUID_LEN + sizeof(ENDING)];
    snprintf(name, sizeof(name), "%.*s" ENDING, UUID_LEN, uuid);
    autoclose int dir = run_is_shared(v) ? run_directory(v, false, &ignored) : -1;
    return is_held(dir, name);
}

static bool is_lock(const char *name)
{
    size_t len = strlen(name), end = strlen(ENDING);
    return len == UUID_LEN + end && !strcmp(name + len - end, ENDING);
}

bool domain_lock_any_is_held(struct virt *v)
{
    struct err ignored;
    bool held = false;
    int fd = run_is_shared(v) ? run_directory(v, false, &ignored) : -1;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir && fd >= 0)
        close(fd);
    for (const struct dirent *one; dir && !held && (one = readdir(dir));)
        held = is_lock(one->d_name) && is_held(fd, one->d_name);
    if (dir)
        closedir(dir);
    return held;
}
