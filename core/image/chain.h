/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chain.h - an open image: its layers from the top down.
 *
 * Lock: the `lock` of struct image guards only the count of walked bytes; it is a leaf. Every other
 * field is set at the open, except `dead`, which is set once.
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
    uint64_t owner;        /* of merged pages in the cache */
    unsigned page_bits;    /* each page has 2^page_bits bytes of the disk */
    pthread_mutex_t lock;
    uint64_t walked;      /* image_map has reported all bytes before this one */
    uint64_t walked_data; /* bytes before `walked` that have storage */
};

/* The run of the chain at an offset. */
struct chain_run {
    struct run run;
    bool present; /* the layer `depth` defines these bytes */
    unsigned depth;
};

/* Finds the layer that has the bytes at `offset` < image_size, at most `limit` of them. Works as
 * layer_run. If it fails with EIO, ret->depth is the damaged layer. */
int chain_run(struct image *im, uint64_t offset, uint64_t limit, bool holes, struct chain_run *ret,
              struct err *e);

/* Does the same from the pages that are already known (merged.c), and ignores holes in files. A run
 * may end early. Call merged_init once all layers are there. */
int merged_run(struct image *im, uint64_t offset, uint64_t limit, struct chain_run *ret,
               struct err *e);
void merged_init(struct image *im);

/* Does the same with holes in files. *ret_asked grows by one, and by the number of layers it asked.
 * */
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

/* Fails with ESTALE if the image is dead. */
int chain_alive(const struct image *im, struct err *e);

/* Checks that all data read so far is right. Checks the snapshot's entry, if the top layer is a
 * snapshot, and the layers in `used` (NULL: every layer). ESTALE makes the image dead. */
int chain_check(struct image *im, const struct chain_set *used, struct err *e);

/* Checks the first `n` layers, which were asked where bytes are. */
int chain_check_first(struct image *im, unsigned n, struct err *e);

/* A walk down a chain, one layer at a time (image_open, image_layers). It decides whether the
 * source or a header counts. It starts as {.source, .policy}, and borrows both. */
struct chain_walk {
    const struct image_source *source;
    const struct image_policy *policy;
    size_t next;      /* of source->below */
    bool by_headers;  /* from here on the headers alone count */
    const char *gone; /* the first file of source->below that is missing; NULL: none so far */
};

/* A layer's header, as far as it describes the file below. */
struct chain_header {
    const char *backing;     /* resolved; NULL: none, or it leads nowhere */
    const char *format;      /* NULL: it does not say */
    const struct err *wrong; /* why `backing` leads nowhere */
};

/* Fills *ret with the layer below `path`; *ret borrows from the source and from `h`. A NULL path in
 * *ret comes from the source. Returns 1, or 0 if there is no layer below. It fails:
 * - with EINVAL if the layer's format is unknown; *ret is set;
 * - with EIO if neither the source's file nor the header's file is there;
 * - with EOPNOTSUPP if the header's name leads nowhere. */
int chain_next(struct chain_walk *w, const char *path, const struct chain_header *h,
               struct image_source *ret, struct err *e);

/* Returns the next layer of source->below that the walk has not reached. NULL if there is none, or
 * if the source's layers do not count any more. */
const struct image_below *chain_more(const struct chain_walk *w);

/* Chooses the error after the layer from chain_next could not be opened (`r`, `e`). It is EIO if
 * that layer came from a header, in the place of a layer that is not there either. */
int chain_fail(const struct chain_walk *w, int r, struct err *e);

#endif
