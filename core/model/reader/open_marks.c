/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_marks.c - see open_marks.h. Locks: the files' own (flock). No thread waits for such a lock.
 *
 * The process that closes the last image of a snapshot removes the file. So a process that gets a
 * lock checks that the file still has its name, and begins anew if not.
 */
#include "model/reader/open_marks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/uuid.h"
#include "model/journal/run_directory.h"
#include "model/journal/state_directory.h"
#include "model/state.h"

#define PREFIX "open-" /* the domain's uuid follows, and a hash of the snapshot's name and time */

enum {
    NAME_SIZE = UUID_LEN + 24,
    /* "PID TIME INO FILE", a newline and zeros. The file grows with each operation. */
    RECORD_SIZE = 512,
    FILE_MAX = 255,
    /* Another process holds the lock exclusively for a moment when it closes an image, and longer
     * if the host is busy. */
    CLOSE_MS = 1000,
    TRY_AGAIN_MS = 3
};

/* The record of a snapshot that is being deleted. */
#define DELETING "deleting\n"

struct open_mark {
    struct virt *virt;
    int dir, fd; /* dir is open until the lock is taken */
    char name[NAME_SIZE];
};

/* ---- the file ---- */

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Removes the file. An open image keeps only one descriptor for its mark, so the directory is
 * opened again. */
static void remove_file(struct open_mark *k)
{
    struct err ignored;
    if (k->dir < 0)
        k->dir = run_directory(k->virt, false, &ignored);
    if (k->dir >= 0 && state_is_linked(k->dir, k->name, k->fd))
        unlinkat(k->dir, k->name, 0);
}

void open_mark_drop(struct open_mark *k)
{
    if (!k)
        return;
    if (k->fd >= 0 && flock(k->fd, LOCK_EX | LOCK_NB) == 0)
        remove_file(k);
    close_one(&k->fd);
    close_one(&k->dir);
    free(k);
}

/* Opens the directory. For an ordinary user libvirt makes the shared directory. This takes time, so
 * it is tried once. */
static int open_directory(struct model *m, struct err *e)
{
    bool made = atomic_exchange(&m->marks_made, true);
    return run_directory(m->virt, !made || geteuid() == 0, e);
}

void open_marks_prepare(struct model *m)
{
    struct err ignored;
    int dir = m->is_test || geteuid() != 0 ? -1 : run_directory(m->virt, true, &ignored);
    if (dir >= 0)
        close(dir);
}

static struct open_mark *mark_new(struct model *m, const char *uuid, const char *name,
                                  int64_t created)
{
    struct open_mark *k = calloc(1, sizeof(*k));
    if (!k)
        return NULL;
    uint64_t hash = hash_end(hash_u64(hash_str(HASH_START, name), (uint64_t)created));
    snprintf(k->name, sizeof(k->name), PREFIX "%.*s-%016" PRIx64, UUID_LEN, uuid, hash);
    k->virt = m->virt;
    k->dir = k->fd = -1;
    return k;
}

/* Returns 1 if the directory is open, and 0 if there are no marks: it is missing, or this user may
 * not enter it. */
static int enter(struct model *m, struct open_mark *k, struct err *e)
{
    k->dir = open_directory(m, e);
    return k->dir >= 0 ? 1 : err_is_resource(-k->dir) ? k->dir : 0;
}

/* Returns whether the record says that a delete has the lock. */
static bool is_deleted(const struct open_mark *k)
{
    autofree char *text = NULL;
    return state_read(k->fd, RECORD_SIZE, &text) >= 0 && !strncmp(text, DELETING, strlen(DELETING));
}

/* Returns 1 if locked, 0 to try again, and -EAGAIN if other processes hold the lock. Any other
 * errno says why the file cannot be opened or locked. */
static int try_lock(struct open_mark *k, int how, struct err *e)
{
    close_one(&k->fd);
    k->fd = run_file(k->dir, k->name, e);
    if (k->fd < 0)
        return k->fd;
    if (flock(k->fd, how | LOCK_NB) == 0)
        return state_is_linked(k->dir, k->name, k->fd);
    if (errno == EINTR || errno == EWOULDBLOCK)
        return errno == EINTR ? 0 : -EAGAIN;
    return err_fail(e, errno, "cannot lock '%s': %s", k->name, strerrordesc_np(errno));
}

/* Does what try_lock does, for up to `ms`. Returns 0 on a file system that cannot be written to:
 * then there are no marks. */
static int lock(struct open_mark *k, int how, unsigned ms, struct err *e)
{
    const struct timespec moment = {.tv_nsec = TRY_AGAIN_MS * 1000000L};
    uint64_t until = clock_ns() + ms * CLOCK_MS;
    int r = try_lock(k, how, e);
    while ((r == 0 || (r == -EAGAIN && !is_deleted(k))) && clock_ns() < until) {
        nanosleep(&moment, NULL);
        r = try_lock(k, how, e);
    }
    return r == 0 ? -EAGAIN : r == -EROFS ? 0 : r;
}

/* ---- the record in the file ---- */

static void write_record(const struct open_mark *k, const struct image_opener *who)
{
    char record[RECORD_SIZE] = "";
    snprintf(record, sizeof(record), "%d %jd %" PRIu64 " %.*s\n", (int)who->pid,
             (intmax_t)time(NULL), who->ino, FILE_MAX, who->file);
    (void)state_write(k->fd, record, sizeof(record), 0); /* it is only told */
}

static void read_record(const struct open_mark *k, struct open_file *ret)
{
    autofree char *text = NULL;
    int pid, at = 0;
    intmax_t when;
    uint64_t ino;
    *ret = (struct open_file){0};
    if (state_read(k->fd, RECORD_SIZE, &text) < 0 ||
        sscanf(text, "%d %jd %" SCNu64 " %n", &pid, &when, &ino, &at) != 3 || !at)
        return;
    *ret = (struct open_file){.file = strndup(text + at, strcspn(text + at, "\n")),
                              .ino = ino,
                              .pid = pid,
                              .when = (time_t)when};
}

/* ---- operations ---- */

static void count_one(int dir, const char *name)
{
    struct stat st;
    autoclose int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink < 2)
        (void)!ftruncate(fd, st.st_size + 1);
}

void open_marks_count(struct model *m)
{
    struct err ignored;
    int fd = m->is_test ? -1 : run_directory(m->virt, false, &ignored);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir && fd >= 0)
        close(fd);
    for (const struct dirent *one; dir && (one = readdir(dir));)
        if (!strncmp(one->d_name, PREFIX, strlen(PREFIX)))
            count_one(fd, one->d_name);
    if (dir)
        closedir(dir);
}

uint64_t open_mark_counted(const struct open_mark *k)
{
    struct stat st;
    return k && fstat(k->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* ---- the marks ---- */

static int fail_deleted(const struct open_mark *k, const char *name, struct err *e)
{
    if (is_deleted(k))
        return err_fail(e, EBUSY, "the snapshot '%s' is being deleted", name);
    return err_fail(e, EBUSY,
                    "another snapfs process is closing or deleting the snapshot '%s'; try again",
                    name);
}

int open_mark_take(struct model *m, const char *uuid, const char *name, int64_t created,
                   const struct image_opener *who, struct open_mark **ret, struct err *e)
{
    struct open_mark *k autodestroy(open_mark_drop) = mark_new(m, uuid, name, created);
    *ret = NULL;
    if (!k)
        return err_nomem(e);
    int r = enter(m, k, e);
    if (r == 1)
        r = lock(k, LOCK_SH, CLOSE_MS, e);
    if (r == -EAGAIN)
        return fail_deleted(k, name, e);
    if (r != 1)
        return r;
    close_one(&k->dir);
    write_record(k, who);
    *ret = take(k);
    return 0;
}

static int fail_unknown(const char *name, struct err *e)
{
    struct err why = *e;
    return err_fail(e, EBUSY, "cannot find out whether an image of snapshot '%s' is open: %s", name,
                    why.text);
}

int open_mark_claim(struct model *m, const char *uuid, const char *name, int64_t created,
                    struct open_mark **ret, struct open_file *ret_file, struct err *e)
{
    struct open_mark *k autodestroy(open_mark_drop) = mark_new(m, uuid, name, created);
    *ret = NULL;
    if (!k)
        return err_nomem(e);
    int r = enter(m, k, e);
    if (r == 1)
        r = lock(k, LOCK_EX, 0, e);
    if (r == -EAGAIN) {
        read_record(k, ret_file);
        close_one(&k->fd); /* others have it */
        return err_fail(e, EAGAIN, "an image of snapshot '%s' is open", name);
    }
    if (r < 0)
        return fail_unknown(name, e);
    if (r == 1)
        *ret = take(k);
    return 0;
}

void open_mark_deleting(const struct open_mark *k)
{
    char record[RECORD_SIZE] = DELETING;
    if (k)
        (void)state_write(k->fd, record, sizeof(record), 0); /* it is only told */
}
