/* SPDX-License-Identifier: GPL-3.0-or-later */
/* surveyor.h - makes a survey (graph/survey.h), and follows the chains for it. For one thread. */
#ifndef SNAPFS_MODEL_GRAPH_SURVEYOR_H
#define SNAPFS_MODEL_GRAPH_SURVEYOR_H

#include <stdatomic.h>

#include "image/layers.h"
#include "model/catalog/domain.h"
#include "model/graph/chain_cache.h"
#include "model/graph/denied.h"
#include "model/graph/graph.h"
#include "model/graph/survey_scope.h"
#include "model/journal/kept_marks.h"
#include "model/storage/path_set.h"

struct surveyor {
    struct model *m;
    struct graph *graph;
    struct names *names;
    struct names *overlays; /* the overlays that snapshots name */
    struct left_tags left;
    struct tag_tables *tables;
    struct chain_cache *chain_cache;
    struct mounts *mounts;
    enum survey_scope scope;
    const char *asking; /* the domain's name; NULL = none */
    struct text unseen;
    size_t n_had;            /* files that a domain or an overlay of one has */
    const atomic_bool *stop; /* if it is set, the result is not needed; may be NULL */
    char *mount_path; /* where the chain being followed led into a snapfs mount; NULL = nowhere */
    char *asked;      /* the last path that this chain wanted to open */
    struct denied denied;
};

/* Prepares the survey. Fails with EOPNOTSUPP if snapfs cannot see libvirt's files. Call
 * surveyor_end also after a failure. */
int surveyor_begin(struct surveyor *v, struct err *e);

/* Releases all members except the graph and the names. */
void surveyor_end(struct surveyor *v);

/* Follows a chain. A missing file makes a chain of its own. The content of *ret lasts until the
 * next call. NULL without memory. */
int *surveyor_walk(struct surveyor *v, const struct image_source *source, struct cached_chain *ret,
                   struct image_layer **layers, size_t *n);

/* Finds the chain whose top is `path`, and follows it only once. Notes in `u` what is wrong with
 * it. The strings that `u` borrows last as long as the chain cache. */
int surveyor_chain(struct surveyor *v, struct graph_user *u, const char *path, const char *format,
                   struct cached_chain *ret, struct err *e);

#endif
