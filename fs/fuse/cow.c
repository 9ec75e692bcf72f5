/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cow.c - .cow files: an image that can be written as long as the file is open (node/cows.h).
 *
 * Each open has an image of its own below the writes. So an open .cow file is an open of its
 * snapshot, like any other open. The kernel keeps pages of the file. These pages must not outlive
 * the file's view. snapfs drops them after the last open has ended, and again before it answers the
 * first open. No locks.
 */
#include <errno.h>

#include "fuse/image_request.h"
#include "fuse/report.h"
#include "fuse/requests.h"
#include "image/image.h"

/* The disk below: the part that the handle shows of its present image. */
struct below {
    struct image *im;
    uint64_t begin;
};

static int base_read(void *ctx, void *buf, size_t len, uint64_t offset, struct err *e)
{
    const struct below *b = ctx;
    ssize_t n = image_read(b->im, buf, len, b->begin + offset, e);
    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : err_fail(e, EIO, "the image ends before its size");
}

static int base_check(void *ctx, struct err *e)
{
    const struct below *b = ctx;
    return image_check(b->im, e);
}

static struct cow_base base_of(struct below *b)
{
    return (struct cow_base){.ctx = b, .read = base_read, .check = base_check};
}

void cow_drop_pages(struct fuse_session *session, fuse_ino_t ino)
{
    fuse_lowlevel_notify_inval_inode(session, ino, 0, 0);
}

int cow_open(struct fs *fs, fuse_ino_t ino, const struct stat *st, struct handle *h,
             struct fuse_file_info *fi, struct err *e)
{
    bool first;
    struct cow_open o = {.node = ino,
                         .number = st->st_ino,
                         .size = h->end - h->begin,
                         .chain = image_chain_hash(h->image),
                         .writes = (fi->flags & O_ACCMODE) != O_RDONLY};
    int r = cows_open(&fs->cows, &o, &first, e);
    if (r < 0)
        return r;
    h->in_cows = true;
    if (first)
        cow_drop_pages(fs->session, ino);
    fi->keep_cache = !first;
    return 0;
}

ssize_t cow_file_read(const struct image_request *q, struct image *im, char *buf, size_t size,
                      uint64_t off, struct err *e)
{
    struct below below = {im, q->h->begin};
    struct cow_base base = base_of(&below);
    autodestroy(cow_unref) struct cow *c = cows_get(&fs_of(q->req)->cows, q->ino);
    return c ? cow_read(c, &base, buf, size, off, e)
             : image_read(im, buf, size, below.begin + off, e);
}

bool cow_is_written(struct fs *fs, fuse_ino_t ino)
{
    autodestroy(cow_unref) struct cow *c = cows_get(&fs->cows, ino);
    return c != NULL;
}

ssize_t cow_file_write(const struct image_request *q, struct image *im, struct err *e)
{
    struct below below = {im, q->h->begin};
    struct cow_base base = base_of(&below);
    autodestroy(cow_unref) struct cow *c = cows_get(&fs_of(q->req)->cows, q->ino);
    return c ? cow_write(c, &base, q->data, q->size, (uint64_t)q->off, e)
             : err_fail(e, EROFS, "the file was not opened for writing");
}
