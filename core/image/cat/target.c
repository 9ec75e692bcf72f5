/* SPDX-License-Identifier: GPL-3.0-or-later */
/* target.c - see target.h. */
#include "image/cat/target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/file_id.h"
#include "base/io.h"
#include "base/mem.h"
#include "image/layers.h"

enum {
    NEW_FILE_MODE = 0600, /* a disk holds its users' secrets */
    LAST = 4096,          /* at most so many bytes are written last */
    /* QEMU locks single bytes of a file. Each use has a byte from 100 on. Each use that others may
     * not make has a byte from 200 on. */
    LOCKS_BEGIN = 100,
    LOCKS = 200,
    ZERO_ALIGN = 64 * 1024,       /* at least any page or sector: none is both written and zeroed */
    ZERO_STEP = 64 * 1024 * 1024, /* at a time, so that a signal is noticed soon */
    OPEN_TRIES = 8,               /* tries, if the name leads to another file once it is locked */
};

static const int open_flags = O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

static int check_kind(const char *name, const struct stat *st, struct err *e)
{
    if (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode))
        return 0;
    return err_fail(e, EINVAL, "'%s' is neither a regular file nor a block device", name);
}

/* Opens a file that exists. A file that is not a disk is refused by stat, because an open could
 * have effects. A device that is mounted, or part of another device, is not opened. */
static int open_there(struct target *t, struct err *e)
{
    struct stat st;
    if (stat(t->name, &st) < 0)
        return err_fail(e, errno, "cannot make '%s': %s", t->name, strerrordesc_np(errno));
    int r = check_kind(t->name, &st, e);
    if (r < 0)
        return r;
    t->fd = open(t->name, open_flags | (S_ISBLK(st.st_mode) ? O_EXCL : 0));
    if (t->fd < 0 || fstat(t->fd, &st) < 0)
        return err_fail(e, errno, "cannot write '%s': %s", t->name, strerrordesc_np(errno));
    t->device = S_ISBLK(st.st_mode);
    return check_kind(t->name, &st, e);
}

static bool is_at(const struct stat *st, const char *path)
{
    struct stat there;
    return path && stat(path, &there) == 0 && file_is_same(st, &there);
}

/* Refuses a target that is a file of the chain: an overwrite would destroy the data being read. */
static int check_apart(const struct target *t, const struct image_source *source, struct err *e)
{
    struct stat st;
    if (fstat(t->fd, &st) < 0)
        return err_fail(e, errno, "cannot stat '%s': %s", t->name, strerrordesc_np(errno));
    struct image_layer *layers = NULL;
    size_t n = 0;
    bool unknown;
    int r = image_layers(source, NULL, &layers, &n, &unknown, e);
    if (r == -EOPNOTSUPP && !unknown)
        r = 0; /* the chain continues on another host */
    for (size_t i = 0; r == 0 && i < n; i++)
        if (is_at(&st, layers[i].path) || is_at(&st, layers[i].data))
            r = err_fail(e, EINVAL, "'%s' is a file of the image itself", t->name);
    image_layers_free(layers, n);
    return r;
}

/* Locks the target. If the file system has no locks, QEMU works without locks as well. */
static int lock(const struct target *t, struct err *e)
{
    struct flock l = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCKS_BEGIN, .l_len = LOCKS};
    if (fcntl(t->fd, F_OFD_SETLK, &l) == 0 || (errno != EAGAIN && errno != EACCES))
        return 0;
    return err_fail(e, EBUSY, "'%s' is in use by another program", t->name);
}

static int check_room(const struct target *t, struct err *e)
{
    uint64_t size = 0;
    if (!t->device)
        return t->size <= INT64_MAX
                   ? 0
                   : err_fail(e, EFBIG, "'%s' cannot have %ju bytes", t->name, (uintmax_t)t->size);
    if (ioctl(t->fd, BLKGETSIZE64, &size) < 0)
        return err_fail(e, errno, "cannot size '%s': %s", t->name, strerrordesc_np(errno));
    if (size >= t->size)
        return 0;
    return err_fail(e, ENOSPC, "'%s' has %ju bytes, of %ju that are needed", t->name,
                    (uintmax_t)size, (uintmax_t)t->size);
}

/* Tells whether the name still leads to the open file. */
static bool is_named(const struct target *t)
{
    struct stat st;
    return fstat(t->fd, &st) == 0 && is_at(&st, t->name);
}

/* Opens and locks the target. Returns 1, 0 if the name leads to another file by now, or -errno.
 * Only the process with the lock may remove the file again, even if another process made it. */
static int open_once(struct target *t, const struct cat_options *o, struct err *e)
{
    t->fd = open(t->name, open_flags | O_CREAT | O_EXCL, NEW_FILE_MODE);
    bool made = t->fd >= 0;
    int r = 0;
    if (!made && errno != EEXIST)
        r = err_fail(e, errno, "cannot make '%s': %s", t->name, strerrordesc_np(errno));
    else if (!made)
        r = open_there(t, e);
    if (r == 0 && !made)
        r = check_apart(t, &o->source, e);
    if (r == 0)
        r = lock(t, e);
    if (r < 0)
        return r;
    t->made = made && is_named(t);
    return is_named(t);
}

int target_open(struct target *t, const struct cat_options *o, uint64_t size, struct err *e)
{
    *t = (struct target){.name = o->output, .size = size, .fd = -1};
    int r = 0;
    for (int try = 0; r == 0 && try < OPEN_TRIES; try++) {
        target_close(t);
        r = open_once(t, o, e);
    }
    if (r == 0)
        return err_fail(e, EBUSY, "'%s' is removed or replaced all the time", t->name);
    return r == 1 ? check_room(t, e) : r;
}

int target_begin(struct target *t, struct err *e)
{
    /* A file made by snapfs-cat is empty. If it were truncated, ext4 would write it at the close.
     * */
    t->begun = t->device;
    if (t->device || t->made)
        return 0;
    if (ftruncate(t->fd, (off_t)t->size) < 0)
        return err_fail(e, errno, "cannot make '%s' %ju bytes long: %s", t->name,
                        (uintmax_t)t->size, strerrordesc_np(errno));
    t->begun = true;
    if (ftruncate(t->fd, 0) < 0)
        return err_fail(e, errno, "cannot write '%s': %s", t->name, strerrordesc_np(errno));
    return 0;
}

uint64_t target_body(const struct target *t)
{
    return t->device || !t->size ? t->size : (t->size - 1) / LAST * LAST;
}

int target_write(const struct target *t, const char *p, size_t len, uint64_t offset, struct err *e)
{
    if (io_pwrite(t->fd, p, len, offset) == 0)
        return 0;
    return err_fail(e, errno, "cannot write '%s': %s", t->name, strerrordesc_np(errno));
}

static int write_zeros(const struct target *t, uint64_t offset, uint64_t len, struct err *e)
{
    static const char zeros[ZERO_ALIGN];
    int r = 0;
    for (uint64_t n; r == 0 && len; offset += n, len -= n) {
        n = min_u64(len, sizeof(zeros));
        r = target_write(t, zeros, (size_t)n, offset, e);
    }
    return r;
}

/* Zeroes a range whose ends are aligned. The device itself does that if it can; otherwise zeros are
 * written. */
static int zero_aligned(const struct target *t, uint64_t offset, uint64_t len, struct err *e)
{
    uint64_t range[] = {offset, len};
    return ioctl(t->fd, BLKZEROOUT, range) == 0 ? 0 : write_zeros(t, offset, len, e);
}

int target_zero(const struct target *t, uint64_t offset, uint64_t len, struct err *e)
{
    int r = 0;
    for (uint64_t n; t->device && r == 0 && len; offset += n, len -= n) {
        uint64_t ahead = ZERO_ALIGN - offset % ZERO_ALIGN;
        bool aligned = ahead == ZERO_ALIGN && len >= ZERO_ALIGN;
        n = aligned ? min_u64(len / ZERO_ALIGN * ZERO_ALIGN, ZERO_STEP) : min_u64(len, ahead);
        r = aligned ? zero_aligned(t, offset, n, e) : write_zeros(t, offset, n, e);
    }
    return r;
}

/* Closes a copy of the descriptor, because some file systems report write errors only at a close.
 * */
static int close_copy(const struct target *t)
{
    int fd = fcntl(t->fd, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? -1 : close(fd);
}

int target_finish(struct target *t, struct err *e)
{
    int r = t->device ? fsync(t->fd) : ftruncate(t->fd, (off_t)t->size);
    if (r == 0)
        r = close_copy(t);
    if (r < 0)
        return err_fail(e, errno, "cannot write '%s': %s", t->name, strerrordesc_np(errno));
    return is_named(t)
               ? 0
               : err_fail(e, ESTALE, "'%s' was removed or replaced while it was written", t->name);
}

static const char *undo(struct target *t)
{
    if (t->device)
        return "holds a part of the copy";
    bool empty = ftruncate(t->fd, 0) == 0;
    if (!is_named(t))
        return "is left as it is now";
    if (t->made && unlink(t->name) == 0)
        return "was removed again";
    return empty ? "is empty now" : "holds a part of the copy";
}

void target_abandon(struct target *t, struct err *e)
{
    if (t->fd < 0 || (!t->made && !t->begun))
        return;
    struct err cause = *e;
    err_fail(e, cause.no, "%s; '%s' %s", cause.text, t->name, undo(t));
}

void target_close(struct target *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}
