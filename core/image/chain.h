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
    uint64_t opened_ns;    /* CLOCK_REALTIME, before snapfs looked at the first file */
    uint64_t owner;        /* of merged pages in the cache */
    unsigned page_bits;    /* each page has 2^page_bits bytes of the disk */
    pthread_mutex_t lock;
    uint64_t walked;      /* image_map has reported all bytes before this one */
    uint64_t walked_data; /* bytes before `walked` that have storage */
};

/* Returns the virtual size at the snapshot. */
static inline uint64_t chain_size(const struct image *im)
{
    return im->layers[0]->size;
}

/* The run of the chain at an offset. */
struct chain_run {
    struct run run;
    bool present; /* the layer `depth` defines these bytes */
    unsigned depth;
};

/* Finds the layer that has the bytes at `offset` < chain_size, at most `limit` of them. Works as
 * layer_run. If it fails with EIO, ret->depth is the damaged layer. */
int chain_run(struct image *im, uint64_t offset, uint64_t limit, bool holes, struct chain_run *ret,
              struct err *e);

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

#endif
