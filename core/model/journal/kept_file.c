/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kept_file.c - the files of kept.h. Lock: that of a file (flock), held while it is replaced. The
 * file for others is changed after the user's own.
 *
 * A rename or an unlink may take the file away while a process waits for its lock. So the process
 * that gets the lock checks that the file still has its name, and begins anew if not. Only the
 * holder of the lock of the file of that name writes to NAME.new.
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
#include "model/journal/kept_shared.h"
#include "model/journal/run_directory.h"
#include "model/journal/state_directory.h"

#define ENDING ".kept"
#define NEW ".new"

enum { NAME_MAX_BYTES = KEPT_SHARED_NAME + sizeof(NEW), MODE = 0640, TRIES = 250, TRY_MS = 20 };

struct file {
    int dir, fd;
    bool shared; /* others may put a file of theirs there */
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

static struct file file_shared(int dir, const char *uuid)
{
    struct file f = {.dir = dir, .fd = -1, .shared = true};
    kept_shared_name(uuid, geteuid(), f.name);
    snprintf(f.new, sizeof(f.new), "%.*s" NEW, KEPT_SHARED_NAME, f.name);
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

/* Adds the records of the open file; a spoiled one has none. -EEXIST: it is of a later version. */
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

/* Opens root's file, then the user's own; -1 each if it cannot. */
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

static struct kept_others *read_others(struct virt *v, const char *uuid, struct kept *before)
{
    struct err ignored;
    autoclose int dir = kept_shared_open(v, false, &ignored);
    return kept_others_read(dir, uuid, before ? kept_get_others(before) : NULL);
}

int kept_read(struct virt *v, const char *uuid, struct kept *before, struct kept **ret,
              struct err *e)
{
    int fds[KEPT_FILES], r = 0;
    struct kept_others *others = read_others(v, uuid, before);
    open_files(uuid, fds);
    if (same_files(before, fds) && kept_get_others(before) == others) {
        *ret = kept_ref(before);
        kept_others_unref(others);
    } else if ((r = read_files(fds, ret, e)) == 0) {
        kept_set_others(*ret, others, kept_others_unref);
    } else {
        kept_others_unref(others);
    }
    for (int i = 0; i < KEPT_FILES; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return r;
}

/* ---- changing ---- */

static int fail(const struct file *f, const char *what, int no, struct err *e)
{
    return err_fail(e, no, "cannot %s '%s' in %s: %s", what, f->name,
                    f->shared ? "the directory '" RUN_KEPT "'" : "the state directory",
                    strerrordesc_np(no));
}

static bool is_own(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_uid == geteuid() && st->st_nlink <= 1;
}

/* Returns 1 if locked, 0 if the file was replaced or removed meanwhile. */
static int try_lock(struct file *f, int flags, struct err *e)
{
    struct stat st;
    f->fd = openat(f->dir, f->name, O_RDWR | flags | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, MODE);
    if (f->fd < 0)
        return fail(f, "open", errno, e);
    if (fstat(f->fd, &st) < 0)
        return fail(f, "open", errno, e);
    if (!is_own(&st) && f->shared && unlinkat(f->dir, f->name, 0) == 0)
        return 0;
    if (!is_own(&st))
        return fail(f, "open", EPERM, e);
    for (int i = 0; flock(f->fd, LOCK_EX | LOCK_NB) < 0; i++) {
        if (errno != EWOULDBLOCK || i == TRIES)
            return fail(f, "lock", errno, e);
        nanosleep(&(struct timespec){.tv_nsec = TRY_MS * 1000000L}, NULL);
    }
    return state_is_linked(f->dir, f->name, f->fd);
}

static int lock(struct file *f, int flags, struct err *e)
{
    int r = 0;
    for (int i = 0; r == 0 && i < TRIES; i++) {
        if (f->fd >= 0)
            close(f->fd);
        f->fd = -1;
        r = try_lock(f, flags, e);
    }
    return r == 0 ? fail(f, "lock", EBUSY, e) : r < 0 ? r : 0;
}

/* Writes the new file. Keeps the group and mode that an administrator has given the file; one for
 * others has the group of its directory. Removes a file that a crash left first, because another
 * user may have put it there. */
static int write_new(const struct file *f, const char *text, size_t len)
{
    struct stat st;
    (void)unlinkat(f->dir, f->new, 0);
    autoclose int fd =
        openat(f->dir, f->new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
    if (fd < 0)
        return -errno;
    if (fstat(f->shared ? f->dir : f->fd, &st) == 0 && fchown(fd, (uid_t)-1, st.st_gid) == 0)
        (void)!fchmod(fd, f->shared ? MODE : st.st_mode & 0777);
    int r = state_write(fd, text, len, 0);
    bool synced = f->shared || fdatasync(fd) == 0; /* others lose no more than a refusal's cause */
    if (r == 0 && (!synced || renameat(f->dir, f->new, f->dir, f->name) < 0))
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

/* Removes the file if it is empty: the lock has just made it. */
static void drop_empty(const struct file *f)
{
    struct stat st;
    if (fstat(f->fd, &st) == 0 && !st.st_size && state_is_linked(f->dir, f->name, f->fd))
        unlinkat(f->dir, f->name, 0);
}

static int change_locked(const struct file *f, struct kept *k, kept_edit_fn *edit, void *ctx,
                         struct err *e)
{
    int r = k ? add_file(k, f->fd) : -ENOMEM;
    if (r < 0)
        return r == -ENOMEM ? err_nomem(e) : fail(f, "change, which is of a later version,", -r, e);
    r = edit(ctx, k);
    return r == 0 && kept_is_changed(k) ? write_back(f, k, e) : r;
}

static int change_file(struct file *f, struct kept *k, kept_edit_fn *edit, void *ctx, struct err *e)
{
    int r = lock(f, O_CREAT, e);
    if (r == 0)
        r = change_locked(f, k, edit, ctx, e);
    if (f->fd >= 0)
        drop_empty(f);
    return r;
}

/* ---- telling others ---- */

struct telling {
    const char *uuid;
    const struct kept *own;
    kept_edit_fn *edit;
    void *ctx;
};

/* Changes the file for others. A new one gets all that was kept before. */
static int edit_shared(void *ctx, struct kept *k)
{
    const struct telling *t = ctx;
    if (!kept_get(k, "uuid", ""))
        kept_copy(k, t->own);
    int r = t->edit(t->ctx, k);
    if (r == 0 && kept_is_changed(k))
        kept_set(k, "uuid", "", t->uuid);
    return r;
}

/* Returns whether there is neither a file nor anything to tell. */
static bool is_nothing(const struct file *f, const struct kept *own)
{
    struct stat st;
    struct kept *k autodestroy(kept_unref) = kept_new_shared();
    return fstatat(f->dir, f->name, &st, AT_SYMLINK_NOFOLLOW) < 0 && k && !kept_copy(k, own);
}

static int tell(struct virt *v, struct telling *t, struct err *e)
{
    struct err why = {0};
    int dir = kept_shared_open(v, true, &why);
    if (dir < 0)
        return dir == -ENOENT && (!v || !run_is_shared(v)) ? 0 : err_fail(e, -dir, "%s", why.text);
    struct file f __attribute__((cleanup(file_drop))) = file_shared(dir, t->uuid);
    struct kept *k autodestroy(kept_unref) = kept_new_shared();
    return is_nothing(&f, t->own) ? 0 : change_file(&f, k, edit_shared, t, e);
}

int kept_change(struct virt *v, const char *uuid, kept_edit_fn *edit, void *ctx, struct err *e)
{
    if (!uuid_is(uuid))
        return err_fail(e, EINVAL, "'%s' is not the uuid of a domain", uuid);
    int dir = state_directory(true, e);
    if (dir < 0)
        return dir;
    struct file f __attribute__((cleanup(file_drop))) = file_named(dir, uuid);
    struct kept *k autodestroy(kept_unref) = kept_new();
    int r = change_file(&f, k, edit, ctx, e);
    struct telling t = {uuid, k, edit, ctx};
    return r == 0 && kept_is_told(k) ? tell(v, &t, e) : r;
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

int kept_put(struct virt *v, const char *uuid, const char *kind, const char *key, const char *value,
             struct err *e)
{
    struct put p = {kind, key, value};
    return kept_change(v, uuid, put_one, &p, e);
}

/* ---- all of them ---- */

static void remove_shared(struct virt *v, const char *uuid)
{
    struct err ignored;
    char of[UUID_LEN + 1];
    uid_t uid;
    int fd = kept_shared_open(v, false, &ignored);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0)
        close(fd);
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        if (kept_shared_parse(entry->d_name, of, &uid) && !strcmp(of, uuid) &&
            (uid == geteuid() || geteuid() == 0))
            unlinkat(fd, entry->d_name, 0);
    if (dir)
        closedir(dir);
}

void kept_remove(struct virt *v, const char *uuid)
{
    struct err ignored;
    int dir = state_directory(false, &ignored);
    struct file f __attribute__((cleanup(file_drop))) = file_named(dir, uuid);
    int r = dir < 0 ? dir : lock(&f, 0, &ignored);
    if (r == 0)
        unlinkat(dir, f.name, 0);
    if (r == 0 || r == -ENOENT) /* no process writes it without the lock */
        unlinkat(dir, f.new, 0);
    remove_shared(v, uuid);
}

/* Reads the uuid in the name of such a file, or of a new one that was cut off. */
static bool parse_name(const char *name, char ret[UUID_LEN + 1])
{
    uid_t uid;
    if (kept_shared_parse(name, ret, &uid))
        return uid == geteuid() || geteuid() == 0;
    snprintf(ret, UUID_LEN + 1, "%.*s", UUID_LEN, name);
    const char *ending = name + strlen(ret);
    return uuid_is(ret) && (!strcmp(ending, ENDING) || !strcmp(ending, ENDING NEW));
}

static void list(int fd, void (*each)(void *ctx, const char *uuid), void *ctx)
{
    char uuid[UUID_LEN + 1];
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

void kept_list(struct virt *v, void (*each)(void *ctx, const char *uuid), void *ctx)
{
    struct err ignored;
    list(state_directory(false, &ignored), each, ctx);
    list(kept_shared_open(v, false, &ignored), each, ctx);
}
