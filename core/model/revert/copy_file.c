/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy_file.c - see revert/copy_file.h. No locks. */
#include "model/revert/copy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/io.h"
#include "base/mounts.h"
#include "base/space.h"
#include "base/sync.h"
#include "image/file.h"
#include "model/storage/file_chain.h"
#include "model/activity/progress.h"
#include "model/activity/task.h"

enum {
    PIECE = 64 << 20,    /* bytes that one copy_file_range is asked for */
    BY_HAND = 1 << 20,   /* and for one read, if that call does not work */
    VALUE_MAX = 64 << 10 /* bytes of an extended attribute: Linux has none that is longer */
};

static int fail(const char *what, const char *path, struct err *e)
{
    return err_fail(e, errno, "cannot %s '%s': %s", what, path, strerrordesc_np(errno));
}

/* ---- the originals ---- */

/* Opens the original. No QEMU writes to it now, and file_unchanged tells later whether any did. */
static int open_from(struct copy_file *f, struct mounts *mounts, struct err *e)
{
    struct image_policy policy = follow_policy(mounts);
    int r = file_open(f->from, &policy, &f->file, e);
    if (r == 0 && (file_is_remote(f->file) || file_is_device(f->file)))
        return err_fail(e, EOPNOTSUPP, "cannot copy '%s': it is not a regular file", f->from);
    return r == 0 ? file_settle(f->file, e) : r;
}

static int open_to(const struct copy_file *f, int *ret_fd, struct err *e)
{
    *ret_fd = open(f->to, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    return *ret_fd < 0 ? fail("open", f->to, e) : 0;
}

/* ---- sharing blocks ---- */

static int share(struct copy_file *f, struct err *e)
{
    autoclose int to = open(f->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to < 0)
        return fail("make", f->to, e);
    if (fsync(f->file->fd) < 0) /* so that lseek tells its holes as they are */
        return fail("bring to the disk", f->from, e);
    f->shared = ioctl(to, FICLONE, f->file->fd) == 0;
    return 0;
}

/* ---- space ---- */

/* Adds up the bytes that the copies on the file system `dev` will take. */
static int bytes_on(const struct copy_file *files, size_t n, dev_t dev, uint64_t *ret,
                    struct err *e)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++) {
        struct stat to;
        if (files[i].shared)
            continue;
        if (stat(files[i].to, &to) < 0)
            return fail("look at", files[i].to, e);
        if (to.st_dev == dev && !add_u64(*ret, files[i].file->storage, ret))
            *ret = UINT64_MAX;
    }
    return 0;
}

static int check_space(const struct copy_file *files, size_t n, const struct copy_file *f,
                       struct err *e)
{
    struct stat st;
    uint64_t need = 0, there = 0;
    if (f->shared)
        return 0;
    if (stat(f->to, &st) < 0)
        return fail("look at", f->to, e);
    int r = bytes_on(files, n, st.st_dev, &need, e);
    if (r == 0)
        r = space_free(f->to, &there, e);
    if (r < 0 || need <= there)
        return r;
    return err_fail(e, ENOSPC,
                    "the revert needs a copy of '%s', because others use it; that takes %" PRIu64
                    " bytes, and %" PRIu64 " are free",
                    f->from, need, there);
}

/* ---- copying ---- */

/* Copies bytes from `at` on, as many as go at once; -1 with errno. */
static ssize_t copy_by_hand(int from, int to, off_t at, size_t len)
{
    autofree char *piece = malloc(BY_HAND);
    if (!piece) {
        errno = ENOMEM;
        return -1;
    }
    ssize_t n = io_pread(from, piece, min_u64(len, BY_HAND), (uint64_t)at);
    return n > 0 && io_pwrite(to, piece, (size_t)n, (uint64_t)at) < 0 ? -1 : n;
}

static ssize_t copy_piece(int from, int to, off_t at, size_t len)
{
    loff_t in = at, out = at;
    ssize_t n = copy_file_range(from, &in, to, &out, min_u64(len, PIECE), 0);
    bool cannot = n < 0 && errno != ENOSPC && errno != EDQUOT && errno != EIO && errno != EFBIG;
    return cannot ? copy_by_hand(from, to, at, len) : n;
}

/* The progress of all copies, in bytes. */
struct copied {
    uint64_t done, total;
};

static int copy_data(const struct copy_file *f, int to, off_t at, off_t end, struct copied *c,
                     struct err *e)
{
    while (at < end) {
        int r = task_check(e);
        if (r < 0)
            return r;
        progress_set("copying the snapshot's file", min_u64(c->done, c->total), c->total);
        ssize_t n = copy_piece(f->file->fd, to, at, (size_t)(end - at));
        if (n < 0)
            return err_fail(e, errno, "cannot copy '%s' to '%s': %s", f->from, f->to,
                            strerrordesc_np(errno));
        if (n == 0)
            return err_fail(e, EBUSY, "'%s' became shorter while it was copied", f->from);
        at += n;
        c->done += (uint64_t)n;
    }
    return 0;
}

static int copy_all(const struct copy_file *f, int to, struct copied *c, struct err *e)
{
    off_t size = (off_t)f->file->size, at = 0;
    if (ftruncate(to, size) < 0)
        return fail("make", f->to, e);
    while (at < size) {
        off_t data = lseek(f->file->fd, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            return 0;
        off_t hole = data < 0 ? -1 : lseek(f->file->fd, data, SEEK_HOLE);
        if (hole < 0)
            return fail("read", f->from, e);
        int r = copy_data(f, to, data, hole < size ? hole : size, c, e);
        if (r < 0)
            return r;
        at = hole;
    }
    return 0;
}

/* ---- attributes and owner ---- */

static int copy_attribute(const struct copy_file *f, int to, const char *name, struct err *e)
{
    autofree char *value = malloc(VALUE_MAX);
    if (!value)
        return err_nomem(e);
    ssize_t len = fgetxattr(f->file->fd, name, value, VALUE_MAX);
    if (len < 0)
        return errno == ENODATA || errno == EOPNOTSUPP ? 0 : fail("read attributes of", f->from, e);
    return fsetxattr(to, name, value, (size_t)len, 0) < 0 ? fail("label", f->to, e) : 0;
}

static int copy_owner(const struct copy_file *f, int to, struct err *e)
{
    struct stat was, own;
    if (fstat(f->file->fd, &was) < 0 || fstat(to, &own) < 0)
        return fail("look at", f->to, e);
    bool same = own.st_uid == was.st_uid && own.st_gid == was.st_gid;
    if (!same && fchown(to, was.st_uid, was.st_gid) < 0)
        return fail("give its owner to", f->to, e);
    return fchmod(to, was.st_mode & 07777) < 0 ? fail("give its mode to", f->to, e) : 0;
}

static int fill(const struct copy_file *f, struct copied *c, struct err *e)
{
    autoclose int to = -1;
    int r = open_to(f, &to, e);
    if (r == 0 && !f->shared)
        r = copy_all(f, to, c, e);
    if (r == 0)
        r = copy_owner(f, to, e);
    if (r == 0)
        r = copy_attribute(f, to, "security.selinux", e);
    if (r == 0)
        r = copy_attribute(f, to, "system.posix_acl_access", e);
    return r == 0 ? sync_file(f->to, e) : r;
}

/* ---- all of it ---- */

static int open_all(struct copy_file *files, size_t n, struct err *e)
{
    struct mounts *mounts autodestroy(mounts_free) = mounts_read();
    int r = mounts ? 0 : err_nomem(e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = open_from(&files[i], mounts, e);
    return r;
}

static int copy_opened(struct copy_file *files, size_t n, struct err *e)
{
    int r = 0;
    struct copied c = {0};
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = share(&files[i], e);
        c.total += files[i].shared ? 0 : files[i].file->storage;
    }
    for (size_t i = 0; r == 0 && i < n; i++)
        r = check_space(files, n, &files[i], e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = fill(&files[i], &c, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = file_unchanged(files[i].file, e);
    return r;
}

int copy_files(struct copy_file *files, size_t n, struct err *e)
{
    int r = open_all(files, n, e);
    if (r == 0)
        r = copy_opened(files, n, e);
    for (size_t i = 0; i < n; i++)
        file_close(take(files[i].file));
    return r;
}
