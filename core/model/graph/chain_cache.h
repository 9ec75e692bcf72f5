/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chain_cache.h - the chains that one survey has followed, so that it follows none twice. One
 * thread.
 *
 * A file with a thousand snapshots in it has one chain. The snapshots on a chain of a hundred files
 * have ends of that chain.
 */
#ifndef SNAPFS_MODEL_GRAPH_CHAIN_CACHE_H
#define SNAPFS_MODEL_GRAPH_CHAIN_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "image/layers.h"

struct chain_cache;

struct chain_cache *chain_cache_new(void);    /* NULL without memory */
void chain_cache_free(struct chain_cache *t); /* NULL allowed */
MEM_CLEANUP(struct chain_cache, chain_cache_free)

struct cached_chain {
    const int *chain; /* numbers of files, top first */
    size_t n;
    const struct image_layer *layers; /* as the headers have them; fewer if the chain is not
                                         whole */
    size_t n_layers;
    bool incomplete, may_continue; /* as in struct graph_user */
    const char *mount_path;        /* as in struct graph_user; NULL for none */
};

/* Finds the chain that begins with `path` in that format; *ret is borrowed. Returns false if the
 * survey has not followed that chain. */
bool chain_cache_find(const struct chain_cache *t, const char *path, const char *format,
                      struct cached_chain *ret);

/* Remembers a chain by the headers; copies its strings and numbers. If the chain is whole, also
 * remembers its ends, each by the path and format that the layer above gives. Takes over `layers`,
 * which may be fewer than the chain's numbers. Returns false without memory. */
bool chain_cache_add(struct chain_cache *t, const char *path, const char *format,
                     const struct cached_chain *cached_chain, struct image_layer *layers,
                     size_t n_layers);

#endif
