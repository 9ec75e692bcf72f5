/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unfinished.c - see unfinished.h. Locks: the domain's (domain_lock.h) is held. */
#include "model/journal/unfinished.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/uuid.h"
#include "model/journal/run_directory.h"
#include "model/journal/state_directory.h"

#define DIRECTORY "/var/lib/libvirt/snapfs"

enum { UID_DIGITS = 10, NAME_SIZE = UUID_LEN + UID_DIGITS + 2 };

struct unfinished {
    int dir;
    char uuid[UUID_LEN + 1];
    char name[NAME_SIZE]; /* of this user's file */
};

void unfinished_close(struct unfinished *u)
{
    if (u && u->dir >= 0)
        close(u->dir);
    free(u);
}

static void name_own(const char *uuid, char ret[NAME_SIZE])
{
    snprintf(ret, NAME_SIZE, "%.*s.%lu", UUID_LEN, uuid, (unsigned long)geteuid());
}

/* ---- others' ---- */

static char *read_path(const struct unfinished *u, const char *name)
{
    char *journal = NULL;
    autoclose int fd = openat(u->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && state_read(fd, PATH_MAX, &journal) == 0 ? journal : NULL;
}

static int refuse(const char *name, const char *journal, uid_t owner, struct err *e)
{
    return err_fail(e, EBUSY,
                    "an earlier operation on the domain, by the user with the id %lu, was cut off: "
                    "its journal is '%s'; let that user mount again, which finishes it, or, as a "
                    "last resort, repair the domain with virsh(1) and remove that journal and "
                    "'" DIRECTORY "/%s'",
                    (unsigned long)owner, journal && *journal ? journal : "unknown", name);
}

/* Returns whether the journal is in another state directory, which this user may have by
 * STATE_DIRECTORY. */
static bool is_elsewhere(const char *journal)
{
    struct err ignored;
    struct stat st;
    autofree char *own = NULL;
    const char *name = journal ? strrchr(journal, '/') : NULL;
    return name && state_path(name + 1, &own, &ignored) == 0 && strcmp(own, journal) != 0 &&
           stat(journal, &st) == 0 && st.st_size > 0;
}

static int check_one(const struct unfinished *u, const char *name, struct err *e)
{
    struct stat st;
    if (strncmp(name, u->uuid, UUID_LEN) != 0 || name[UUID_LEN] != '.' ||
        fstatat(u->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    autofree char *journal = read_path(u, name);
    bool own = st.st_uid == geteuid() && !is_elsewhere(journal);
    return own ? 0 : refuse(name, journal, st.st_uid, e);
}

static int check_others(const struct unfinished *u, struct err *e)
{
    int fd = openat(u->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int no = errno;
        if (fd >= 0)
            close(fd);
        return err_fail(e, no, "cannot read the directory '" DIRECTORY "': %s",
                        strerrordesc_np(no));
    }
    for (const struct dirent *entry; r == 0 && (entry = readdir(dir));)
        r = check_one(u, entry->d_name, e);
    closedir(dir);
    return r;
}

int unfinished_open(struct virt *v, const char *uuid, struct unfinished **ret, struct err *e)
{
    *ret = NULL;
    if (!run_is_shared(v))
        return 0;
    struct unfinished *u autodestroy(unfinished_close) = calloc(1, sizeof(*u));
    if (!u)
        return err_nomem(e);
    snprintf(u->uuid, sizeof(u->uuid), "%s", uuid);
    name_own(uuid, u->name);
    u->dir = run_shared_directory(v, DIRECTORY, true, e);
    int r = u->dir < 0 ? u->dir : check_others(u, e);
    if (r == 0)
        *ret = take(u);
    return r;
}

/* ---- this user's ---- */

int unfinished_tell(struct unfinished *u, const char *journal, struct err *e)
{
    autoclose int fd = run_file(u->dir, u->name, e);
    if (fd < 0)
        return fd;
    int r = state_write(fd, journal, strlen(journal), 0);
    if (r == 0 && (ftruncate(fd, (off_t)strlen(journal)) < 0 || fsync(fd) < 0 || fsync(u->dir) < 0))
        r = -errno;
    if (r == 0)
        return 0;
    return err_fail(e, -r, "cannot write '" DIRECTORY "/%s': %s", u->name, strerrordesc_np(-r));
}

void unfinished_end(struct unfinished *u)
{
    if (unlinkat(u->dir, u->name, 0) == 0)
        (void)fsync(u->dir);
}

/* ---- what a crash left ---- */

static bool is_stale(int dir, const char *name)
{
    char own[NAME_SIZE];
    struct stat st;
    autofree char *journal = NULL;
    name_own(name, own);
    if (strcmp(name, own) != 0)
        return false;
    autoclose int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        state_read(fd, PATH_MAX, &journal) < 0)
        return false;
    return access(journal, F_OK) < 0 && errno == ENOENT;
}

void unfinished_each_stale(struct virt *v, void (*each)(void *ctx, const char *uuid), void *ctx)
{
    struct err ignored;
    autoclose int state = run_is_shared(v) ? state_directory(false, &ignored) : -1;
    int fd = state < 0 ? -1 : run_shared_directory(v, DIRECTORY, false, &ignored);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir && fd >= 0)
        close(fd);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char uuid[UUID_LEN + 1];
        snprintf(uuid, sizeof(uuid), "%.*s", UUID_LEN, entry->d_name);
        if (uuid_is(uuid) && is_stale(fd, entry->d_name))
            each(ctx, uuid);
    }
    if (dir)
        closedir(dir);
}
