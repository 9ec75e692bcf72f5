/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chain.h - an open image: its layers from the top down.
 *
 * Lock: struct image's `lock` guards only the count of walked bytes; it is a leaf. All else is set
 * at the open, but for `dead`, which is set once.
 */
#ifndef SNAPFS_IMAGE_CHAIN_H
#define SNAPFS_IMAGE_CHAIN_H

#include <pthread.h>
#include <stdatomic.h>

#include "image/layer.h"

struct image {
    _Atomic unsigned refs;
    _Atomic bool dead; /* the snapshot has gone or a file was changed */
    unsigned n;
    struct layer **layers; /* [0] = top */
    uint64_t opened_ns;    /* CLOCK_REALTIME, before its first file was looked at */
    uint64_t owner;        /* of merged pages, in the cache, */
    unsigned page_bits;    /* each of this many bytes of the disk, as a power of 2 */
    pthread_mutex_t lock;
    uint64_t walked;      /* image_map has told of all bytes before this one, */
    uint64_t walked_data; /* of which this many have storage */
};

/* The run of the chain at an offset. */
struct chain_run {
    struct run run;
    bool present; /* the layer `depth` says something of it */
    unsigned depth;
};

/* Where the bytes at `offset` < image_size come from, at most `limit` of them. As layer_run; -EIO
 * leaves the damaged layer in ret->depth. */
int chain_run(struct image *im, uint64_t offset, uint64_t limit, bool holes, struct chain_run *ret,
              struct err *e);

/* The same from what was found out before (merged.c), with nothing of a file's holes. A run
 * may end early. merged_init comes once all layers are there. */
int merged_run(struct image *im, uint64_t offset, uint64_t limit, struct chain_run *ret,
               struct err *e);
void merged_init(struct image *im);

/* The same with those holes; *ret_asked grows by one, and by the layers that had to be asked. */
int merged_map(struct image *im, uint64_t offset, uint64_t limit, struct chain_run *ret,
               unsigned *ret_asked, struct err *e);

/* A set of layers of an image. */
struct chain_set {
    uint64_t bits[IMAGE_CHAIN_MAX / 64];
};

static inline void chain_set_add(struct chain_set *s, unsigned depth)
{
    s->bits[depth / 64] |= UINT64_C(1) << depth % 64;
}

static inline bool chain_set_has(const struct chain_set *s, unsigned depth)
{
    return s->bits[depth / 64] >> depth % 64 & 1;
}

/* -ESTALE when the image is dead. */
int chain_alive(const struct image *im, struct err *e);

/* Is all that was read right? Checks the snapshot's entry, where the top is one, and the layers in
 * `used`; NULL: every layer. ESTALE kills the image. */
int chain_check(struct image *im, const struct chain_set *used, struct err *e);

/* The same of the first `n` layers, which were asked where bytes are. */
int chain_check_first(struct image *im, unsigned n, struct err *e);

/* A walk down a chain, one layer at a time (image_open, image_layers): it decides between what the
 * source and what the headers say. Starts as {.source, .policy}, which it borrows. */
struct chain_walk {
    const struct image_source *source;
    const struct image_policy *policy;
    size_t next;      /* of source->below */
    bool by_headers;  /* from here on the headers alone count */
    const char *gone; /* the first of source->below that is not there; NULL: none was met */
};

/* What a layer's header says of the file below it. */
struct chain_header {
    const char *backing;     /* resolved; NULL: none, or one that leads nowhere, and */
    const char *format;      /* NULL: it does not say */
    const struct err *wrong; /* then why */
};

/* The layer below `path` in *ret, which borrows from the source and from `h`. 1; 0: there is none;
 * -EINVAL: its format is unknown, and *ret is set; EIO: neither the source's file nor the header's
 * is there; EOPNOTSUPP: the header's name leads nowhere. A path of NULL is the source's own. */
int chain_next(struct chain_walk *w, const char *path, const struct chain_header *h,
               struct image_source *ret, struct err *e);

/* The next of source->below that the walk has not come to; NULL: there is none, or they do not
 * count. */
const struct image_below *chain_more(const struct chain_walk *w);

/* After the layer that chain_next gave could not be opened (`r`, `e`): EIO where that was one of a
 * header, in the place of one that is not there either. */
int chain_fail(const struct chain_walk *w, int r, struct err *e);

#endif
