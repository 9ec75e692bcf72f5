/* SPDX-License-Identifier: GPL-3.0-or-later */
/* map.c - image_map and the two seeks: one walk over the merged runs of a chain, with bounded work.
 * */
#include <errno.h>

#include "base/clock.h"
#include "base/lock.h"
#include "image/image.h"
#include "image/merged.h"

/* The runs that one call looks at, plus the layers that it asks for unknown parts. To ask a layer
 * costs one page of its tables and a look at the part after it. With tables of 64 KiB with one
 * cluster each that was 156 MiB, and 40 ms. */
enum { STEPS_MAX = 16384 };

static void extent_of(const struct chain_run *c, uint64_t offset, struct image_extent *ret)
{
    *ret = (struct image_extent){
        .offset = offset,
        .length = c->run.length,
        .data = c->run.kind != RUN_ZERO,
        .present = c->present,
        .compressed = c->run.kind == RUN_COMPRESSED,
        .hole = c->run.hole,
        .depth = c->depth,
        .has_host = c->run.has_host,
        .host = c->run.host,
    };
    if (!ret->has_host)
        ret->host = 0;
}

static bool extent_continues(const struct image_extent *x, const struct image_extent *next)
{
    return x->data == next->data && x->present == next->present &&
           x->compressed == next->compressed && x->hole == next->hole && x->depth == next->depth &&
           x->has_host == next->has_host && (!x->has_host || x->host + x->length == next->host);
}

static int next_extent(struct image *im, uint64_t offset, uint64_t limit, unsigned *steps,
                       struct image_extent *ret, struct err *e)
{
    struct chain_run c;
    int r = merged_map(im, offset, limit, &c, steps, e);
    extent_of(&c, offset, ret);
    return r;
}

/* Returns the extent at `offset`. It merges runs until the extent ends, `limit` is reached or the
 * steps are used up. If it fails with EIO, ret->length is the known length of the damage. */
static int walk(struct image *im, uint64_t offset, uint64_t limit, unsigned *steps,
                struct image_extent *ret, struct err *e)
{
    int r = next_extent(im, offset, limit, steps, ret, e);
    while (r == 0 && ret->length < limit && *steps < STEPS_MAX) {
        struct image_extent next;
        struct err ignored;
        if (next_extent(im, offset + ret->length, limit - ret->length, steps, &next, &ignored) <
                0 ||
            !extent_continues(ret, &next))
            break;
        ret->length += next.length;
    }
    return r;
}

static void note_walked(struct image *im, const struct image_extent *x)
{
    autolock(&im->lock);
    uint64_t end = x->offset + x->length;
    if (x->offset <= im->walked && end > im->walked) {
        im->walked_data += x->data ? end - im->walked : 0;
        im->walked = end;
    }
}

/* Checks the image after a failed look at the tables. The failure counts only if the image is
 * unchanged. */
static int confirm(struct image *im, int r, const struct err *cause, struct err *e)
{
    int check = im->layers[0]->live || r < 0
                    ? chain_check(im, r < 0 ? NULL : &(struct chain_set){0}, e)
                    : 0;
    if (check < 0)
        return check;
    return r < 0 ? err_fail(e, -r, "%s", cause->text) : 0;
}

int image_map(struct image *im, uint64_t offset, uint64_t len, struct image_extent *ret,
              struct err *e)
{
    int r = chain_alive(im, e);
    if (r < 0)
        return r;
    uint64_t size = image_size(im);
    if (offset >= size || !len)
        return err_fail(e, ENXIO, "byte %ju is past the end of the disk", (uintmax_t)offset);
    struct image_extent x;
    struct err cause = {0};
    unsigned steps = 0;
    r = walk(im, offset, min_u64(len, size - offset), &steps, &x, &cause);
    r = confirm(im, r, &cause, e);
    if (r < 0)
        return r;
    note_walked(im, &x);
    *ret = x;
    return 0;
}

uint64_t image_measure(struct image *im)
{
    uint64_t size = image_size(im), until = clock_ns() + IMAGE_MEASURE_MS * CLOCK_MS;
    struct image_extent x;
    struct err ignored;
    int r = 0;
    while (r == 0 && clock_ns() < until) {
        pthread_mutex_lock(&im->lock);
        uint64_t walked = im->walked;
        pthread_mutex_unlock(&im->lock);
        if (walked >= size)
            break;
        r = image_map(im, walked, size - walked, &x, &ignored);
    }
    return image_allocated(im);
}

/* Finds the first byte from `offset` on that is data (or not). The result is the disk's size if
 * there is none. *ret_exhausted is set if the steps were used up. A damaged range counts as data: a
 * read will report the damage. */
static int seek(struct image *im, uint64_t offset, bool data, uint64_t *ret, bool *ret_exhausted,
                struct err *e)
{
    uint64_t size = image_size(im), pos = offset;
    unsigned steps = 0;
    bool found = false;
    while (!found && pos < size && steps < STEPS_MAX) {
        struct image_extent x;
        int r = walk(im, pos, size - pos, &steps, &x, e);
        if (r < 0 && r != -EIO)
            return r;
        found = (r < 0 || x.data) == data;
        if (!found)
            pos += x.length;
    }
    *ret = pos;
    *ret_exhausted = !found && pos < size;
    return 0;
}

static int seek_checked(struct image *im, uint64_t offset, bool data, uint64_t *ret,
                        bool *ret_exhausted, struct err *e)
{
    int r = chain_alive(im, e);
    if (r < 0)
        return r;
    if (offset >= image_size(im))
        return err_fail(e, ENXIO, "byte %ju is past the end of the disk", (uintmax_t)offset);
    struct err cause = {0};
    r = seek(im, offset, data, ret, ret_exhausted, &cause);
    return confirm(im, r, &cause, e);
}

int image_seek_data(struct image *im, uint64_t offset, uint64_t *ret, struct err *e)
{
    uint64_t pos = 0;
    bool exhausted = false;
    int r = seek_checked(im, offset, true, &pos, &exhausted, e);
    if (r < 0)
        return r;
    if (pos >= image_size(im))
        return err_fail(e, ENXIO, "there is no data from byte %ju on", (uintmax_t)offset);
    *ret = pos;
    return 0;
}

int image_seek_hole(struct image *im, uint64_t offset, uint64_t *ret, struct err *e)
{
    uint64_t pos = 0;
    bool exhausted = false;
    int r = seek_checked(im, offset, false, &pos, &exhausted, e);
    if (r < 0)
        return r;
    *ret = exhausted ? image_size(im) : pos;
    return 0;
}
