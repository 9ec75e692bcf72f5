/* journal.c - see journal.h. No locks of its own but the file's.
 *
 * A file may be removed while others wait for its lock, so who gets the lock looks whether the file
 * is still the one of that name, and begins anew where it is not.
 */
#include "model/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/text.h"
#include "base/uuid.h"
#include "model/task.h"

enum { LOCK_AGAIN_MS = 20 };

struct journal {
    int dir, fd;
    char name[UUID_LEN + 1];
    char *text;  /* what was in it, whole lines */
    off_t end;   /* where the next line goes */
    bool synced; /* the directory knows the file */
};

/* ---- the directory ---- */

/* The path's directories are made as they are missing, by mkdir's own rules, for us alone. */
static int make_directories(char *path, struct err *e)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        int r = mkdir(path, 0700);
        *slash = '/';
        if (r < 0 && errno != EEXIST)
            break; /* the last one says why */
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_fail(e, errno, "cannot make the directory '%s' for the journal: %s", path,
                        strerrordesc_np(errno));
    return 0;
}

static int directory_path(char **ret, struct err *e)
{
    const char *given = getenv("STATE_DIRECTORY"), *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    autotext struct text t = {0};
    if (given && given[0] == '/')
        text_add(&t, "%.*s", (int)strcspn(given, ":"), given); /* systemd may list several */
    else if (geteuid() == 0)
        text_add(&t, "/var/lib/snapfs");
    else if (state && state[0] == '/')
        text_add(&t, "%s/snapfs", state);
    else if (home && home[0] == '/')
        text_add(&t, "%s/.local/state/snapfs", home);
    else
        return err_fail(e, ENOENT,
                        "there is no directory for the journal; set XDG_STATE_HOME or HOME");
    *ret = text_take(&t, NULL);
    return *ret ? 0 : err_nomem(e);
}

/* The directory, or -ENOENT where it is not there and not to be made. */
static int open_directory(bool make, struct err *e)
{
    autofree char *path = NULL;
    int r = directory_path(&path, e);
    if (r == 0 && make)
        r = make_directories(path, e);
    if (r < 0)
        return r;
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir >= 0 ? dir
                    : err_fail(e, errno, "cannot open the directory '%s' of the journals: %s", path,
                               strerrordesc_np(errno));
}

/* ---- the file and its lock ---- */

static int fail_file(const struct journal *j, const char *what, int no, struct err *e)
{
    return err_fail(e, no, "cannot %s the journal '%s': %s", what, j->name, strerrordesc_np(no));
}

/* Tried for again and again, since a wait in flock(2) ends for a signal alone. */
static int lock(const struct journal *j, bool wait, struct err *e)
{
    int r = 0;
    while (r == 0 && flock(j->fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK && !wait)
            return err_fail(e, EAGAIN, "another operation on the domain is under way");
        if (errno == EWOULDBLOCK)
            r = task_rest(LOCK_AGAIN_MS, e);
        else if (errno != EINTR)
            return fail_file(j, "lock", errno, e);
    }
    if (r == 0)
        return 0;
    return err_fail(e, -r,
                    "it was interrupted while it waited for another program's operation on "
                    "the domain; nothing was done");
}

/* Is the file that is open still the one of that name? */
static bool is_linked(const struct journal *j, const struct stat *own)
{
    struct stat named;
    return fstatat(j->dir, j->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_dev == own->st_dev && named.st_ino == own->st_ino;
}

/* 1 = locked, 0 = it was removed meanwhile. */
static int open_locked(struct journal *j, bool wait, struct err *e)
{
    struct stat st;
    j->fd = openat(j->dir, j->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (j->fd < 0)
        return fail_file(j, "open", errno, e);
    int r = lock(j, wait, e);
    if (r < 0)
        return r;
    if (fstat(j->fd, &st) < 0)
        return fail_file(j, "look at", errno, e);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
        return err_fail(e, EPERM, "the journal '%s' is not a file of ours", j->name);
    if (is_linked(j, &st))
        return 1;
    close(j->fd);
    j->fd = -1;
    return 0;
}

/* ---- what is in it ---- */

static int read_all(const struct journal *j, size_t size, char **ret, struct err *e)
{
    autofree char *text = calloc(1, size + 1);
    if (!text)
        return err_nomem(e);
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(j->fd, text + done, size - done, (off_t)done);
        if (n < 0 && errno != EINTR)
            return fail_file(j, "read", errno, e);
        if (n == 0)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    *ret = take(text);
    return 0;
}

/* Keeps the whole lines, and forgets what stands behind them. */
static int read_lines(struct journal *j, struct err *e)
{
    struct stat st;
    if (fstat(j->fd, &st) < 0)
        return fail_file(j, "look at", errno, e);
    if (st.st_size > JOURNAL_BYTES_MAX)
        return err_fail(e, EIO, "the journal '%s' has more than %d bytes", j->name,
                        JOURNAL_BYTES_MAX);
    int r = read_all(j, (size_t)st.st_size, &j->text, e);
    if (r < 0)
        return r;
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
        return err_fail(e, EINVAL, "'%s' is no domain's uuid", uuid);
    struct journal *j autodestroy(journal_close) = calloc(1, sizeof(*j));
    if (!j)
        return err_nomem(e);
    j->fd = -1;
    memcpy(j->name, uuid, sizeof(j->name));
    j->dir = open_directory(true, e);
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
    if (j->fd >= 0 && j->text && j->end == 0)
        unlinkat(j->dir, j->name, 0);
    if (j->fd >= 0) {
        flock(j->fd, LOCK_UN); /* also where a child process still has it open */
        close(j->fd);
    }
    if (j->dir >= 0)
        close(j->dir);
    free(j->text);
    free(j);
}

const char *journal_text(const struct journal *j)
{
    return j->text;
}

char *journal_glance(const char *uuid)
{
    struct err ignored;
    struct stat st;
    struct journal j = {.dir = -1, .fd = -1};
    char *text = NULL;
    autoclose int dir = uuid_is(uuid) ? open_directory(false, &ignored) : -1;
    autoclose int fd = dir < 0 ? -1 : openat(dir, uuid, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > JOURNAL_BYTES_MAX)
        return NULL;
    j.fd = fd;
    if (read_all(&j, (size_t)st.st_size, &text, &ignored) < 0)
        return NULL;
    char *last = strrchr(text, '\n');
    text[last ? last + 1 - text : 0] = '\0';
    return text;
}

/* ---- what is added ---- */

static int write_all(const struct journal *j, const char *bytes, size_t len, struct err *e)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(j->fd, bytes + done, len - done, j->end + (off_t)done);
        if (n < 0 && errno != EINTR)
            return fail_file(j, "write", errno, e);
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

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
    int r = write_all(j, lines, len, e);
    if (r == 0)
        r = sync_all(j, e);
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
    return 0;
}

/* ---- all of them ---- */

int journal_list(void (*each)(void *ctx, const char *uuid), void *ctx, struct err *e)
{
    int fd = open_directory(false, e);
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
