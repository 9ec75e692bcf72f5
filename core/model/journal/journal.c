/* SPDX-License-Identifier: GPL-3.0-or-later */
/* journal.c - see journal/journal.h. No locks of its own except the file's.
 *
 * A file may be removed while others wait for its lock. So the process that gets the lock checks
 * that the file still has its name, and begins anew if not.
 */
#include "model/journal/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/text.h"
#include "base/uuid.h"
#include "model/journal/state_directory.h"
#include "model/journal/unfinished.h"
#include "model/journal/file_lock.h"

struct journal {
    int dir, fd;
    char name[UUID_LEN + 1];
    char *text;                    /* the whole lines that were in it */
    off_t end;                     /* where the next line goes */
    bool synced;                   /* the directory knows the file */
    struct unfinished *unfinished; /* borrowed; NULL = other users are not told */
};

/* ---- the file and its lock ---- */

static int fail_file(const struct journal *j, const char *what, int no, struct err *e)
{
    autofree char *path = NULL;
    struct err ignored;
    const char *name = state_path(j->name, &path, &ignored) < 0 ? j->name : path;
    const char *remedy = no == ENOSPC || no == EDQUOT ? "; free some space in its directory" : "";
    return err_fail(e, no, "cannot %s the journal '%s': %s%s", what, name, strerrordesc_np(no),
                    remedy);
}

/* Returns 1 if locked, 0 if the file was removed meanwhile. */
static int open_locked(struct journal *j, bool wait, struct err *e)
{
    struct stat st;
    j->fd = openat(j->dir, j->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (j->fd < 0)
        return fail_file(j, "open", errno, e);
    int r = file_lock(j->fd, j->name, wait, e);
    if (r < 0)
        return r;
    if (fstat(j->fd, &st) < 0)
        return fail_file(j, "look at", errno, e);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
        return err_fail(e, EPERM, "the journal '%s' is not a file of snapfs", j->name);
    if (state_is_linked(j->dir, j->name, j->fd))
        return 1;
    close(j->fd);
    j->fd = -1;
    return 0;
}

/* ---- the lines of a journal ---- */

/* Keeps the whole lines, and cuts off the rest after them. */
static int read_lines(struct journal *j, struct err *e)
{
    struct stat st;
    if (fstat(j->fd, &st) < 0)
        return fail_file(j, "look at", errno, e);
    if (st.st_size > JOURNAL_BYTES_MAX)
        return err_fail(e, EIO, "the journal '%s' has more than %d bytes", j->name,
                        JOURNAL_BYTES_MAX);
    int r = state_read(j->fd, (size_t)st.st_size, &j->text);
    if (r < 0)
        return fail_file(j, "read", -r, e);
    char *last = strrchr(j->text, '\n');
    j->end = last ? last + 1 - j->text : 0;
    j->text[j->end] = '\0';
    if (j->end < st.st_size && ftruncate(j->fd, j->end) < 0)
        return fail_file(j, "write", errno, e);
    j->synced = j->end > 0;
    return 0;
}

int journal_open(const char *uuid, bool wait, struct journal **ret, struct err *e)
{
    if (!uuid_is(uuid))
        return err_fail(e, EINVAL, "'%s' is not the uuid of a domain", uuid);
    struct journal *j autodestroy(journal_close) = calloc(1, sizeof(*j));
    if (!j)
        return err_nomem(e);
    j->fd = -1;
    memcpy(j->name, uuid, sizeof(j->name));
    j->dir = state_directory(true, e);
    if (j->dir < 0)
        return j->dir;
    int r;
    do
        r = open_locked(j, wait, e);
    while (r == 0);
    if (r > 0)
        r = read_lines(j, e);
    if (r == 0)
        *ret = take(j);
    return r;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    bool done = j->fd >= 0 && j->text && j->end == 0;
    if (done)
        unlinkat(j->dir, j->name, 0);
    if (done && j->unfinished)
        unfinished_end(j->unfinished);
    if (j->fd >= 0) {
        flock(j->fd, LOCK_UN); /* also if a child process still has it open */
        close(j->fd);
    }
    if (j->dir >= 0)
        close(j->dir);
    free(j->text);
    free(j);
}

static int tell(struct journal *j, struct err *e)
{
    autofree char *path = NULL;
    int r = j->unfinished ? state_path(j->name, &path, e) : 0;
    return r < 0 || !j->unfinished ? r : unfinished_tell(j->unfinished, path, e);
}

int journal_share(struct journal *j, struct unfinished *u, struct err *e)
{
    j->unfinished = u;
    if (u && !journal_is_left(j))
        unfinished_end(u); /* what a crash left of it */
    return journal_is_left(j) ? tell(j, e) : 0;
}

const char *journal_text(const struct journal *j)
{
    return j->text;
}

char *journal_glance(const char *uuid)
{
    struct err ignored;
    struct stat st;
    char *text = NULL;
    autoclose int dir = uuid_is(uuid) ? state_directory(false, &ignored) : -1;
    autoclose int fd = dir < 0 ? -1 : openat(dir, uuid, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > JOURNAL_BYTES_MAX)
        return NULL;
    if (state_read(fd, (size_t)st.st_size, &text) < 0)
        return NULL;
    char *last = strrchr(text, '\n');
    text[last ? last + 1 - text : 0] = '\0';
    return text;
}

bool journal_is_busy(const char *uuid)
{
    struct err ignored;
    autoclose int dir = uuid_is(uuid) ? state_directory(false, &ignored) : -1;
    autoclose int fd = dir < 0 ? -1 : openat(dir, uuid, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* ---- what is added ---- */

static int sync_all(struct journal *j, struct err *e)
{
    if (fdatasync(j->fd) < 0 || (!j->synced && fsync(j->dir) < 0))
        return fail_file(j, "write", errno, e);
    j->synced = true;
    return 0;
}

int journal_add(struct journal *j, const char *lines, struct err *e)
{
    size_t len = strlen(lines);
    if (j->end + (off_t)len > JOURNAL_BYTES_MAX)
        return err_fail(e, EIO, "the journal '%s' would have more than %d bytes", j->name,
                        JOURNAL_BYTES_MAX);
    int r = j->end == 0 ? tell(j, e) : 0;
    if (r < 0)
        return r;
    r = state_write(j->fd, lines, len, j->end);
    r = r < 0 ? fail_file(j, "write", -r, e) : sync_all(j, e);
    if (r == 0)
        j->end += (off_t)len;
    else if (ftruncate(j->fd, j->end) < 0)
        return fail_file(j, "write", errno, e); /* a line that may have been added */
    return r;
}

int journal_end(struct journal *j, struct err *e)
{
    if (ftruncate(j->fd, 0) < 0 || fdatasync(j->fd) < 0)
        return fail_file(j, "end", errno, e);
    j->end = 0;
    if (j->unfinished)
        unfinished_end(j->unfinished);
    return 0;
}

bool journal_is_left(const struct journal *j)
{
    return j->end > 0;
}

/* ---- all journals ---- */

int journal_list(void (*each)(void *ctx, const char *uuid), void *ctx, struct err *e)
{
    int fd = state_directory(false, e);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return err_nomem(e);
    }
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (uuid_is(entry->d_name))
            each(ctx, entry->d_name);
    closedir(dir);
    return 0;
}

static void see_busy(void *ctx, const char *uuid)
{
    bool *busy = ctx;
    *busy = *busy || journal_is_busy(uuid);
}

bool journal_any_is_busy(void)
{
    struct err ignored;
    bool busy = false;
    return journal_list(see_busy, &busy, &ignored) == 0 && busy;
}
