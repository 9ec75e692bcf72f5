/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_request.c - see image_request.h. No locks. */
#include "fuse/image_request.h"

#include <errno.h>

#include "fuse/buffer.h"
#include "fuse/renewal.h"
#include "fuse/requests.h"
#include "image/image.h"
#include "model/reader/open_images.h"

/* ---- the kinds of request; each function replies, unless it fails ---- */

static int read_image(const struct image_request *q, struct image *im, struct err *e)
{
    const struct handle *h = q->h;
    char *buf = q->size <= IMAGE_READ_MAX ? thread_buffer(q->size) : NULL;
    uint64_t at = h->begin + min_u64((uint64_t)q->off, h->end - h->begin);
    size_t size = min_u64(q->size, h->end - at);
    ssize_t n = 0;
    if (!buf)
        n = err_nomem(e);
    else if (h->in_cows)
        n = cow_file_read(q, im, buf, size, at - h->begin, e);
    else
        n = image_read(im, buf, size, at, e);
    if (n >= 0)
        fuse_reply_buf(q->req, buf, (size_t)n);
    thread_buffer_done();
    return n < 0 ? (int)n : 0;
}

int seek_full(uint64_t size, uint64_t off, int whence, uint64_t *ret, struct err *e)
{
    if (off >= size)
        return err_fail(e, ENXIO, "the file ends at %ju", (uintmax_t)size);
    *ret = whence == SEEK_DATA ? off : size;
    return 0;
}

/* Seeks in the part of the image that the file shows, and ignores the rest. */
static int seek_part(const struct image_request *q, struct image *im, uint64_t *ret, struct err *e)
{
    const struct handle *h = q->h;
    uint64_t at = 0, off = (uint64_t)q->off;
    if (off >= h->end - h->begin)
        return err_fail(e, ENXIO, "the file ends at %ju", (uintmax_t)(h->end - h->begin));
    int r = q->whence == SEEK_DATA ? image_seek_data(im, h->begin + off, &at, e)
                                   : image_seek_hole(im, h->begin + off, &at, e);
    if (r == 0 && q->whence == SEEK_DATA && at >= h->end)
        return err_fail(e, ENXIO, "no data follows");
    *ret = min_u64(at, h->end) - h->begin;
    return r;
}

static int seek_image(const struct image_request *q, struct image *im, struct err *e)
{
    const struct handle *h = q->h;
    uint64_t at = 0;
    int r = h->in_cows && cow_is_written(fs_of(q->req), q->ino)
                ? seek_full(h->end - h->begin, (uint64_t)q->off, q->whence, &at, e)
                : seek_part(q, im, &at, e);
    if (r == 0)
        fuse_reply_lseek(q->req, (off_t)at);
    return r;
}

static int write_image(const struct image_request *q, struct image *im, struct err *e)
{
    ssize_t n = cow_file_write(q, im, e);
    if (n >= 0)
        fuse_reply_write(q->req, (size_t)n);
    return n < 0 ? (int)n : 0;
}

/* ---- all of them ---- */

static int try_request(const struct image_request *q, struct image *im, struct err *e)
{
    if (open_image_is_gone(q->h->open))
        return err_fail(e, ESTALE, "the snapshot was deleted");
    switch (q->kind) {
    case IMAGE_SEEK:
        return seek_image(q, im, e);
    case IMAGE_WRITE:
        return write_image(q, im, e);
    default:
        return read_image(q, im, e);
    }
}

void image_request_run(const struct image_request *q)
{
    struct err e = {0};
    bool again = true, waits = false;
    while (again) {
        struct image *im autodestroy(image_unref) = handle_image(q->h);
        int r = try_request(q, im, &e);
        if (r == 0)
            return;
        again = false;
        if (r == -ESTALE)
            waits = renewal_wait(q, im, &again);
    }
    if (!waits)
        image_request_fail(q, &e);
}

void image_request_fail(const struct image_request *q, struct err *e)
{
    if (e->no == ENXIO)
        fuse_reply_err(q->req, ENXIO);
    else
        transfer_failed(q->req, q->kind == IMAGE_WRITE ? "write" : "read", q->h, e);
}
