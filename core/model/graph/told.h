/* SPDX-License-Identifier: GPL-3.0-or-later */
/* told.h - compares a chain as the headers have it with what the XML says of it. One thread. */
#ifndef SNAPFS_MODEL_GRAPH_TOLD_H
#define SNAPFS_MODEL_GRAPH_TOLD_H

#include "model/graph/graph.h"
#include "model/graph/chain_cache.h"

struct mounts;

/* Returns whether the chain of the headers has each layer that the source names, and ends where the
 * source ends it. */
bool told_agrees(const struct cached_chain *headers, const struct image_source *source);

/* Returns whether the chain begins with those files. */
bool told_begins(const struct cached_chain *t, const int *files, size_t n);
/* Returns whether the chain has all of those files, in any order. */
bool told_has(const struct cached_chain *t, const int *files, size_t n);

/* Returns the numbers of those files that the source names and that are there, outside every snapfs
 * mount; owned by the caller. NULL without memory. */
int *told_there(struct graph *g, const struct mounts *mounts, const struct image_source *source,
                size_t *ret_n);

/* Guesses the place in a snapfs mount of a missing file of the source (graph/mount_path.h). The
 * caller owns the result. NULL if there is none. */
char *told_mount_path(const struct mounts *mounts, const struct image_source *source);

/* Returns users whose chains go on below `file` otherwise than `t`, whose top it is: one for each
 * way; owned by the caller. NULL without memory. */
size_t *told_tails(const struct graph *g, int file, const struct cached_chain *t, size_t *ret_n);

#endif
