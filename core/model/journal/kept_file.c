/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kept_file.c - the file of kept.h. Lock: that of the file (flock), held while it is replaced.
 *
 * Who gets the lock looks whether the file is still the one of that name, since a rename or an
 * unlink may have taken it away meanwhile, and begins anew where it is not. Only the holder of the
 * lock of the file of that name writes to NAME.new.
 */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/uuid.h"
#include "model/journal/kept.h"
#include "model/journal/state_directory.h"

#define ENDING ".kept"
#define NEW ".new"

enum { NAME_MAX_BYTES = UUID_LEN + sizeof(ENDING NEW), MODE = 0640, TRIES = 250, TRY_MS = 20 };

struct file {
    int dir, fd;
    char name[NAME_MAX_BYTES], new[NAME_MAX_BYTES];
};

static void file_drop(struct file *f)
{
    if (f->fd >= 0)
        close(f->fd); /* and with it the lock */
    if (f->dir >= 0)
        close(f->dir);
}

static struct file file_named(int dir, const char *uuid)
{
    struct file f = {.dir = dir, .fd = -1};
    snprintf(f.name, sizeof(f.name), "%.*s" ENDING, UUID_LEN, uuid);
    snprintf(f.new, sizeof(f.new), "%.*s" ENDING NEW, UUID_LEN, uuid);
    return f;
}

/* ---- reading ---- */

static bool is_ours(const struct stat *st)
{
    return S_ISREG(st->st_mode) && (st->st_uid == geteuid() || st->st_uid == 0);
}

static struct kept_identity identity_of(const struct stat *st)
{
    return (struct kept_identity){.dev = st->st_dev,
                                  .ino = st->st_ino,
                                  .size = (unsigned long long)st->st_size,
                                  .mtime_ns = clock_from(st->st_mtim)};
}

/* Adds what is in the open file; one that is spoiled holds nothing. -EEXIST: of a later version. */
static int add_file(struct kept *k, int fd)
{
    struct stat st;
    autofree char *text = NULL;
    if (fstat(fd, &st) < 0 || !is_ours(&st) || st.st_size > KEPT_BYTES_MAX)
        return 0;
    int r = state_read(fd, (size_t)st.st_size, &text);
    if (r == 0)
        r = kept_parse(k, text, (size_t)st.st_size);
    return r == -ENOMEM || r == -EEXIST ? r : 0;
}

/* Root's file, then the user's own, or -1 each. */
static void open_files(const char *uuid, int fds[KEPT_FILES])
{
    struct err ignored;
    autoclose int root = state_directory_of_root(&ignored);
    autoclose int own = state_directory(false, &ignored);
    const int dirs[KEPT_FILES] = {root, own};
    for (int i = 0; i < KEPT_FILES; i++) {
        struct file f = file_named(dirs[i], uuid);
        fds[i] = dirs[i] < 0
                     ? -1
                     : openat(dirs[i], f.name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    }
}

static bool same_files(struct kept *before, const int fds[KEPT_FILES])
{
    for (int i = 0; before && i < KEPT_FILES; i++) {
        struct stat st;
        struct kept_identity now = {0};
        if (fds[i] >= 0 && fstat(fds[i], &st) == 0)
            now = identity_of(&st);
        if (memcmp(&now, &kept_identities(before)[i], sizeof(now)) != 0)
            return false;
    }
    return before != NULL;
}

static int read_files(const int fds[KEPT_FILES], struct kept **ret, struct err *e)
{
    struct kept *k autodestroy(kept_unref) = kept_new();
    int r = k ? 0 : -ENOMEM;
    for (int i = 0; r == 0 && i < KEPT_FILES; i++) {
        struct stat st;
        if (fds[i] < 0 || fstat(fds[i], &st) < 0)
            continue;
        kept_identities(k)[i] = identity_of(&st);
        r = add_file(k, fds[i]) == -ENOMEM ? -ENOMEM : 0;
    }
    if (r < 0)
        return err_nomem(e);
    *ret = take(k);
    return 0;
}

int kept_read(const char *uuid, struct kept *before, struct kept **ret, struct err *e)
{
    int fds[KEPT_FILES], r = 0;
    open_files(uuid, fds);
    if (same_files(before, fds))
        *ret = kept_ref(before);
    else
        r = read_files(fds, ret, e);
    for (int i = 0; i < KEPT_FILES; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return r;
}

/* ---- changing ---- */

static int fail(const struct file *f, const char *what, int no, struct err *e)
{
    return err_fail(e, no, "cannot %s '%s' in the state directory: %s", what, f->name,
                    strerrordesc_np(no));
}

/* 1 = locked, 0 = it was replaced or removed meanwhile. */
static int try_lock(struct file *f, int flags, struct err *e)
{
    struct stat st;
    f->fd = openat(f->dir, f->name, O_RDWR | flags | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, MODE);
    if (f->fd < 0)
        return fail(f, "open", errno, e);
    if (fstat(f->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
        return fail(f, "open", EPERM, e);
    for (int i = 0; flock(f->fd, LOCK_EX | LOCK_NB) < 0; i++) {
        if (errno != EWOULDBLOCK || i == TRIES)
            return fail(f, "lock", errno, e);
        nanosleep(&(struct timespec){.tv_nsec = TRY_MS * 1000000L}, NULL);
    }
    if (state_is_linked(f->dir, f->name, f->fd))
        return 1;
    close(f->fd);
    f->fd = -1;
    return 0;
}

static int lock(struct file *f, int flags, struct err *e)
{
    int r = 0;
    while (r == 0)
        r = try_lock(f, flags, e);
    return r < 0 ? r : 0;
}

/* Keeps the group and mode that an administrator has given the file. */
static int write_new(const struct file *f, const char *text, size_t len)
{
    struct stat st;
    autoclose int fd =
        openat(f->dir, f->new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, MODE);
    if (fd < 0)
        return -errno;
    if (fstat(f->fd, &st) == 0 && fchown(fd, (uid_t)-1, st.st_gid) == 0)
        (void)!fchmod(fd, st.st_mode & 0777);
    int r = state_write(fd, text, len, 0);
    if (r == 0 && (fdatasync(fd) < 0 || renameat(f->dir, f->new, f->dir, f->name) < 0))
        r = -errno;
    if (r < 0)
        unlinkat(f->dir, f->new, 0);
    return r;
}

static int write_back(const struct file *f, const struct kept *k, struct err *e)
{
    size_t len = 0;
    autofree char *text = kept_text(k, &len);
    if (!text)
        return err_nomem(e);
    int r = write_new(f, text, len);
    return r < 0 ? fail(f, "write", -r, e) : 0;
}

/* The lock has just made the file where it was missing. */
static void drop_empty(const struct file *f)
{
    struct stat st;
    if (fstat(f->fd, &st) == 0 && !st.st_size && state_is_linked(f->dir, f->name, f->fd))
        unlinkat(f->dir, f->name, 0);
}

static int change_locked(const struct file *f, kept_edit_fn *edit, void *ctx, struct err *e)
{
    struct kept *k autodestroy(kept_unref) = kept_new();
    int r = k ? add_file(k, f->fd) : -ENOMEM;
    if (r < 0)
        return r == -ENOMEM ? err_nomem(e) : fail(f, "change, which is of a later version,", -r, e);
    r = edit(ctx, k);
    return r == 0 && kept_is_changed(k) ? write_back(f, k, e) : r;
}

int kept_change(const char *uuid, kept_edit_fn *edit, void *ctx, struct err *e)
{
    if (!uuid_is(uuid))
        return err_fail(e, EINVAL, "'%s' is no domain's uuid", uuid);
    int dir = state_directory(true, e);
    if (dir < 0)
        return dir;
    struct file f __attribute__((cleanup(file_drop))) = file_named(dir, uuid);
    int r = lock(&f, O_CREAT, e);
    if (r == 0)
        r = change_locked(&f, edit, ctx, e);
    if (f.fd >= 0)
        drop_empty(&f);
    return r;
}

struct put {
    const char *kind, *key, *value;
};

static int put_one(void *ctx, struct kept *k)
{
    const struct put *p = ctx;
    kept_set(k, p->kind, p->key, p->value);
    return 0;
}

int kept_put(const char *uuid, const char *kind, const char *key, const char *value, struct err *e)
{
    struct put p = {kind, key, value};
    return kept_change(uuid, put_one, &p, e);
}

/* ---- all of them ---- */

void kept_remove(const char *uuid)
{
    struct err ignored;
    int dir = state_directory(false, &ignored);
    struct file f __attribute__((cleanup(file_drop))) = file_named(dir, uuid);
    int r = dir < 0 ? dir : lock(&f, 0, &ignored);
    if (r == 0)
        unlinkat(dir, f.name, 0);
    if (r == 0 || r == -ENOENT) /* nobody writes it without the lock */
        unlinkat(dir, f.new, 0);
}

/* The uuid in the name of such a file, or of a new one that was cut off. */
static bool parse_name(const char *name, char ret[UUID_LEN + 1])
{
    snprintf(ret, UUID_LEN + 1, "%.*s", UUID_LEN, name);
    const char *ending = name + strlen(ret);
    return uuid_is(ret) && (!strcmp(ending, ENDING) || !strcmp(ending, ENDING NEW));
}

void kept_list(void (*each)(void *ctx, const char *uuid), void *ctx)
{
    struct err ignored;
    char uuid[UUID_LEN + 1];
    int fd = state_directory(false, &ignored);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0)
        close(fd);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (parse_name(entry->d_name, uuid))
            each(ctx, uuid);
    closedir(dir);
}
