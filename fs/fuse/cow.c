/* cow.c - .cow files: an image that can be written to for as long as the file is open
 * (node/cows.h).
 *
 * Each open has an image of its own, which the writes lie over, so that an open .cow file is an
 * open of its snapshot like any other. The kernel keeps pages of the file, and they go with its
 * view: they are dropped when the last open ends, and again before the first one is answered. No
 * locks.
 */
#include <errno.h>

#include "fuse/report.h"
#include "fuse/requests.h"
#include "image/image.h"

static int base_read(void *ctx, void *buf, size_t len, uint64_t offset, struct err *e)
{
    const struct handle *h = ctx;
    ssize_t n = image_read(h->image, buf, len, h->begin + offset, e);
    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : err_fail(e, EIO, "the image ends before its size");
}

static int base_check(void *ctx, struct err *e)
{
    const struct handle *h = ctx;
    return image_check(h->image, e);
}

static struct cow_base base_of(struct handle *h)
{
    return (struct cow_base){.ctx = h, .read = base_read, .check = base_check};
}

void cow_drop_pages(struct fuse_session *session, fuse_ino_t ino)
{
    fuse_lowlevel_notify_inval_inode(session, ino, 0, 0);
}

int cow_open(struct fs *fs, fuse_ino_t ino, struct handle *h, struct fuse_file_info *fi,
             struct err *e)
{
    bool first;
    struct cow_open o = {.node = ino,
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

ssize_t cow_file_read(struct fs *fs, fuse_ino_t ino, struct handle *h, char *buf, size_t size,
                      uint64_t off, struct err *e)
{
    struct cow_base base = base_of(h);
    autodestroy(cow_unref) struct cow *c = cows_get(&fs->cows, ino);
    return c ? cow_read(c, &base, buf, size, off, e)
             : image_read(h->image, buf, size, h->begin + off, e);
}

bool cow_is_written(struct fs *fs, fuse_ino_t ino)
{
    autodestroy(cow_unref) struct cow *c = cows_get(&fs->cows, ino);
    return c != NULL;
}

void cow_file_write(fuse_req_t req, fuse_ino_t ino, struct handle *h, const char *buf, size_t size,
                    uint64_t off)
{
    struct err e = {0};
    struct cow_base base = base_of(h);
    autodestroy(cow_unref) struct cow *c = cows_get(&fs_of(req)->cows, ino);
    ssize_t n = c ? cow_write(c, &base, buf, size, off, &e)
                  : err_fail(&e, EROFS, "the file was not opened for writing");
    if (n < 0)
        transfer_failed(req, "write", h, &e);
    else
        fuse_reply_write(req, (size_t)n);
}
