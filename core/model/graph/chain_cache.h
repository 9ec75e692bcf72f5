/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chain_cache.h - the chains that one survey has followed, so that it follows none twice. One
 * thread.
 *
 * A file with a thousand snapshots in it has one chain, and the snapshots on a chain of a hundred
 * files have ends of it.
 */
#ifndef SNAPFS_MODEL_GRAPH_CHAIN_CACHE_H
#define SNAPFS_MODEL_GRAPH_CHAIN_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "image/image.h"

struct trails;

struct trails *trails_new(void);    /* NULL without memory */
void trails_free(struct trails *t); /* NULL allowed */
MEM_CLEANUP(struct trails, trails_free)

struct trail {
    const int *chain; /* numbers of files, top first */
    size_t n;
    const struct image_layer *layers; /* as the headers have them; of one that is not whole fewer */
    size_t n_layers;
    bool broken, unknown; /* as in struct graph_user, and */
    const char *inside;   /* the same; NULL for none */
};

/* The chain that begins with `path` in that format, borrowed; false: it was not followed. */
bool trails_find(const struct trails *t, const char *path, const char *format, struct trail *ret);

/* Remembers a chain by the headers, its strings and numbers copied; of one that is whole also its
 * ends, each by the path and format that the layer above gives. `layers`, which it takes over, may
 * be fewer than the chain's numbers. false without memory. */
bool trails_add(struct trails *t, const char *path, const char *format, const struct trail *trail,
                struct image_layer *layers, size_t n_layers);

#endif
