/* SPDX-License-Identifier: GPL-3.0-or-later */
/* read.c - image_read: reads bytes from the layers, and then checks that they are right.
 *
 * If runs lie one behind the other in one file, one pread reads them directly into the caller's
 * buffer. No lock is held anywhere. The check comes after the last byte was read.
 */
#include <errno.h>

#include "image/export.h"
#include "image/image.h"
#include "image/merged.h"
#include "image/run.h"

/* A read in progress. The bytes before `done` are in place, except a pending piece of one file. */
struct reading {
    struct image *im;
    char *buf;
    uint64_t offset; /* of buf[0] in the disk */
    size_t len, done;
    struct chain_set used; /* layers that gave bytes */
    const struct image_file *file;
    uint64_t host; /* the pending bytes before buf + done are here in `file` */
    size_t pending;
};

static int flush(struct reading *r, struct err *e)
{
    if (!r->pending)
        return 0;
    size_t len = r->pending;
    r->pending = 0;
    return file_read(r->file, r->buf + r->done - len, len, r->host, e);
}

static int put_data(struct reading *r, const struct chain_run *c, struct err *e)
{
    const struct image_file *file = r->im->layers[c->depth]->data;
    if (r->pending && (r->file != file || r->host + r->pending != c->run.host)) {
        int s = flush(r, e);
        if (s < 0)
            return s;
    }
    if (!r->pending) {
        r->file = file;
        r->host = c->run.host;
    }
    r->pending += (size_t)c->run.length;
    return 0;
}

static int put_compressed(struct reading *r, const struct chain_run *c, struct err *e)
{
    int s = flush(r, e);
    if (s < 0)
        return s;
    autodestroy(block_unref) struct block *b = NULL;
    s = layer_cluster(r->im->layers[c->depth], &c->run, &b, e);
    if (s < 0)
        return s;
    memcpy(r->buf + r->done, b->data + (r->offset + r->done - c->run.start), (size_t)c->run.length);
    return 0;
}

static int put_foreign(struct reading *r, const struct chain_run *c, struct err *e)
{
    int s = flush(r, e);
    return s < 0 ? s
                 : export_read(r->im->layers[c->depth]->export, r->buf + r->done,
                               (size_t)c->run.length, c->run.host, e);
}

static int put_run(struct reading *r, const struct chain_run *c, struct err *e)
{
    if (c->run.kind != RUN_ZERO)
        chain_set_add(&r->used, c->depth);
    if (c->run.kind == RUN_DATA && r->im->layers[c->depth]->export)
        return put_foreign(r, c, e);
    if (c->run.kind == RUN_DATA)
        return put_data(r, c, e);
    if (c->run.kind == RUN_COMPRESSED)
        return put_compressed(r, c, e);
    int s = flush(r, e);
    if (s < 0)
        return s;
    memset(r->buf + r->done, 0, (size_t)c->run.length);
    return 0;
}

static int read_runs(struct reading *r, struct err *e)
{
    while (r->done < r->len) {
        struct chain_run c;
        int s = merged_run(r->im, r->offset + r->done, r->len - r->done, &c, e);
        if (s < 0)
            return s;
        s = put_run(r, &c, e);
        if (s < 0)
            return s;
        r->done += (size_t)c.run.length;
    }
    return flush(r, e);
}

ssize_t image_read(struct image *im, void *buf, size_t len, uint64_t offset, struct err *e)
{
    if (len > IMAGE_READ_MAX)
        return err_fail(e, EINVAL, "a read of more than %d bytes", IMAGE_READ_MAX);
    int alive = chain_alive(im, e);
    if (alive < 0)
        return alive;
    uint64_t size = image_size(im);
    if (offset >= size)
        return 0;
    struct reading r = {
        .im = im, .buf = buf, .offset = offset, .len = (size_t)min_u64(len, size - offset)};
    struct err cause = {0};
    int s = read_runs(&r, &cause);
    /* Damage may only be the look of a snapshot that is being deleted. Then the snapshot has gone.
     * */
    int check = chain_check(im, s < 0 ? NULL : &r.used, e);
    if (check < 0)
        return check;
    return s < 0 ? err_fail(e, -s, "%s", cause.text) : (ssize_t)r.len;
}
