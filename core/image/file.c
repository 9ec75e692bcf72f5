/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file.c - see file.h. A struct image_file does not change after the open, so it needs no lock
 * here. */
#include "image/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file_id.h"
#include "base/remote.h"
#include "image/descriptor.h"
#include "image/links.h"
#include "image/qemu_locks.h"

enum {
    SETTLE_MS = 20, /* a clock tick is 4 to 10 ms: a new write differs from an older time */
    SETTLE_TRIES = 10,
    SECTOR = 512
};

static int check_kind(const char *path, const struct stat *st, struct err *e)
{
    if (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode))
        return 0;
    return err_fail(e, EINVAL, "'%s' is neither a regular file nor a block device", path);
}

static uint64_t mtime_of(const struct stat *st)
{
    return clock_from(st->st_mtim);
}

/* Reads the state of the open file. fstat does not know the size of a block device. Returns 0, or
 * -1 with errno. */
static int take_stat(struct image_file *f, struct stat *ret)
{
    struct stat st;
    uint64_t size = 0;
    if (fstat(f->fd, &st) < 0 || (S_ISBLK(st.st_mode) && ioctl(f->fd, BLKGETSIZE64, &size) < 0))
        return -1;
    file_id(&st, &f->dev, &f->ino);
    f->mtime_ns = mtime_of(&st);
    f->ctime_ns = S_ISBLK(st.st_mode) ? 0 : clock_from(st.st_ctim);
    f->size = S_ISBLK(st.st_mode) ? size : (uint64_t)st.st_size;
    f->storage = S_ISBLK(st.st_mode) ? size : (uint64_t)st.st_blocks * SECTOR;
    *ret = st;
    return 0;
}

/* Follows the links of a path. If others can replace a link, the policy must also allow the real
 * path. */
static int follow_links(const char *path, const struct image_policy *policy, struct stat *ret,
                        struct err *e)
{
    autofree char *link = NULL, *real = NULL;
    struct err why;
    int r = links_follow(path, ret, &link, &real, e);
    if (r < 0 || !link)
        return r;
    r = policy->allow(policy->ctx, real, &why);
    return r < 0 ? err_fail(e, -r,
                            "'%s' leads through the link '%s', which others than root can replace, "
                            "to '%s': %s",
                            path, link, real, why.text)
                 : 0;
}

/* Refuses a path that is not a disk before anything is opened, because an open can have effects. */
int file_see(const char *path, const struct image_policy *policy, struct file_seen *ret,
             struct err *e)
{
    int allowed = policy && policy->allow ? policy->allow(policy->ctx, path, e) : 0;
    if (allowed < 0)
        return allowed;
    struct file_seen seen = {.path = path};
    if (image_remote_stat(path, &seen.st)) {
        *ret = seen;
        return 0;
    }
    if (remote_begins(path))
        return err_fail(e, EOPNOTSUPP,
                        "'%s' is not read: a disk on another host is named by a plain URI without "
                        "credentials, query and options",
                        path);
    int r = 0;
    if (policy && policy->allow)
        r = follow_links(path, policy, &seen.st, e);
    else if (stat(path, &seen.st) < 0)
        r = err_fail(e, errno, "cannot open '%s': %s", path, strerrordesc_np(errno));
    if (r == 0 && allowed == IMAGE_ALLOW_PLAIN && !S_ISREG(seen.st.st_mode))
        r = err_fail(e, EACCES, "'%s' is named by an image's header only, and is a device", path);
    if (r == 0)
        r = check_kind(path, &seen.st, e);
    if (r < 0)
        return r;
    *ret = seen;
    return 0;
}

int file_open_seen(const struct file_seen *seen, struct image_file **ret, struct err *e)
{
    struct stat st;
    autodestroy(file_close) struct image_file *f = calloc(1, sizeof(*f));
    if (!f)
        return err_nomem(e);
    f->fd = -1;
    f->device = DEVICE_NONE;
    f->path = strdup(seen->path);
    if (!f->path)
        return err_nomem(e);
    if (seen->st.st_dev == FILE_DEV_REMOTE) {
        f->dev = FILE_DEV_REMOTE;
        f->ino = seen->st.st_ino;
        f->storage = UINT64_MAX;
        *ret = take(f);
        return 0;
    }
    f->fd = descriptor_open(f->path, 0);
    if (f->fd < 0 || take_stat(f, &st) < 0)
        return err_fail(e, errno, "cannot open '%s': %s", f->path, strerrordesc_np(errno));
    if (!file_is(f, &seen->st))
        return err_fail(e, ESTALE, "'%s' was replaced while it was opened", f->path);
    *ret = take(f);
    return 0;
}

int file_open(const char *path, const struct image_policy *policy, struct image_file **ret,
              struct err *e)
{
    struct file_seen seen;
    int r = file_see(path, policy, &seen, e);
    return r < 0 ? r : file_open_seen(&seen, ret, e);
}

void file_close(struct image_file *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    device_close(&f->device);
    free(f->path);
    free(f);
}

bool file_is(const struct image_file *f, const struct stat *st)
{
    uint64_t dev, ino;
    file_id(st, &dev, &ino);
    return f->dev == dev && f->ino == ino;
}

bool file_is_remote(const struct image_file *f)
{
    return f->dev == FILE_DEV_REMOTE;
}

bool file_is_device(const struct image_file *f)
{
    return f->dev == FILE_DEV_BLOCK;
}

bool file_same(const struct image_file *a, const struct image_file *b)
{
    return a->dev == b->dev && a->ino == b->ino;
}

ssize_t file_read_some(const struct image_file *f, void *buf, size_t len, uint64_t offset,
                       struct err *e)
{
    if (offset > INT64_MAX || len > INT64_MAX - offset)
        return err_fail(e, EIO, "'%s' is damaged: offset %ju is past any file", f->path,
                        (uintmax_t)offset);
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(f->fd, (char *)buf + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_fail(e, EIO, "reading '%s' at %ju: %s", f->path, (uintmax_t)(offset + done),
                            strerrordesc_np(errno));
        if (!n)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

int file_read(const struct image_file *f, void *buf, size_t len, uint64_t offset, struct err *e)
{
    ssize_t n = file_read_some(f, buf, len, offset, e);
    if (n < 0)
        return (int)n;
    if ((size_t)n < len)
        return err_fail(e, EIO, "'%s' is truncated: it ends before byte %ju, which it refers to",
                        f->path, (uintmax_t)(offset + len));
    return 0;
}

static bool young(uint64_t mtime_ns)
{
    uint64_t ns = clock_real_ns();
    uint64_t age = ns > mtime_ns ? ns - mtime_ns : mtime_ns - ns;
    return age < SETTLE_MS * CLOCK_MS;
}

uint64_t file_quiet_since(const struct image_file *f)
{
    struct stat st;
    if (file_is_device(f) || fstat(f->fd, &st) < 0 || young(clock_from(st.st_ctim)))
        return 0;
    return clock_from(st.st_ctim);
}

bool file_refresh(struct image_file *f)
{
    uint64_t size = f->size, mtime_ns = f->mtime_ns;
    struct stat st;
    return take_stat(f, &st) < 0 || f->size != size || f->mtime_ns != mtime_ns ||
           young(f->mtime_ns);
}

/* Takes the count of a device's writes. A file's own time and size reveal writes; those of a
 * device's node do not. */
static bool take_written(struct image_file *f)
{
    return !file_is_device(f) || device_written(&f->device, f->fd, &f->written);
}

static bool is_written(const struct image_file *f)
{
    uint64_t now;
    return file_is_device(f) && (!device_written(&f->device, f->fd, &now) || now != f->written);
}

static void take_head(struct image_file *f)
{
    ssize_t n = file_is_device(f) ? 0 : pread(f->fd, f->head, sizeof(f->head), 0);
    f->head_len = n > 0 ? (size_t)n : 0;
}

int file_settle(struct image_file *f, struct err *e)
{
    if (file_is_remote(f))
        return 0;
    int r = file_is_device(f) ? device_open((dev_t)f->ino, f->path, &f->device, e) : 0;
    if (r < 0)
        return r;
    const struct timespec tick = {.tv_nsec = SETTLE_MS * 1000000L};
    for (int try = 0; try < SETTLE_TRIES; try++) {
        int byte = qemu_locks_writer(f->fd);
        if (!byte)
            byte = qemu_locks_consumer(f->fd);
        if (byte < 0)
            return err_fail(e, EBUSY, "'%s' may be in use: its locks cannot be read: %s", f->path,
                            strerrordesc_np(-byte));
        if (byte)
            return err_fail(e, EBUSY, "'%s' is in use: another program is writing to it", f->path);
        take_head(f);
        if (!file_refresh(f) && take_written(f))
            return 0;
        nanosleep(&tick, NULL);
    }
    return err_fail(e, EBUSY, "'%s' is in use: it is written to all the time", f->path);
}

bool file_has_ctime(const struct image_file *f, const struct stat *st)
{
    return file_is_device(f) || file_is_remote(f) || clock_from(st->st_ctim) == f->ctime_ns;
}

/* Compares the first bytes with those at the open. Called only if the ctime has moved. */
static bool is_head_same(const struct image_file *f)
{
    char now[FILE_HEAD];
    ssize_t n = pread(f->fd, now, f->head_len, 0);
    return n >= 0 && (size_t)n == f->head_len && !memcmp(now, f->head, f->head_len);
}

bool file_is_dated(const struct image_file *f)
{
    struct stat st;
    return f->fd >= 0 && fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) &&
           mtime_of(&st) == f->mtime_ns && (uint64_t)st.st_size == f->size;
}

int file_unchanged(const struct image_file *f, struct err *e)
{
    struct stat st;
    if (file_is_remote(f))
        return 0;
    if (fstat(f->fd, &st) == 0 && file_is(f, &st) && mtime_of(&st) == f->mtime_ns &&
        (S_ISBLK(st.st_mode) || (uint64_t)st.st_size == f->size) && !qemu_locks_writer(f->fd) &&
        !is_written(f) && (file_has_ctime(f, &st) || is_head_same(f)))
        return 0;
    return err_fail(e, ESTALE, "'%s' was changed after the image was opened", f->path);
}
