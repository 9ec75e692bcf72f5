/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usage.h - the file graph as it was a short while ago, for callers that only tell which users need
 * a file.
 *
 * Refcounted and immutable. It is made for many questions. The cost of a question depends on the
 * size of its answer.
 */
#ifndef SNAPFS_MODEL_GRAPH_USAGE_H
#define SNAPFS_MODEL_GRAPH_USAGE_H

#include "model/graph/graph.h"
#include "model/catalog/domain.h"

struct usage;

/* Makes the usage of a graph, and takes over the graph on success. `n_missing` domains are missing
 * in the graph. If the limit of memory= is passed, the result is like usage_failed's. NULL without
 * memory. */
struct usage *usage_new(struct graph **g, size_t n_missing);
/* Makes a usage that says why no graph could be made. */
struct usage *usage_failed(const struct err *why);
struct usage *usage_ref(struct usage *o);
void usage_unref(struct usage *o); /* NULL allowed */
MEM_CLEANUP(struct usage, usage_unref)

/* Returns why there is no graph, or NULL if there is one. */
const struct err *usage_failure(const struct usage *o);
size_t usage_n_missing(const struct usage *o);

/* Returns whether the users include each disk of the snapshot that is in a file. */
bool usage_knows(const struct usage *o, const struct domain *d, const struct snapshot *s);

/* Counts in *ret_n the users of the snapshot. Such a user reads through the whole of a file that
 * the snapshot is in, or uses the snapshot's image in a mount. Calls `each` for the first `max`
 * users. Does not count the snapshot itself. If the snapshot is a tag in the file of the domain's
 * own disk, does not count that disk either. */
int usage_needed_by(const struct usage *o, const struct domain *d, const struct snapshot *s,
                    size_t max, void (*each)(void *ctx, const char *who), void *ctx, size_t *ret_n,
                    struct err *e);

/* Returns whether a snapshot of another domain than `d` has that entry of a snapshot table as its
 * tag. */
bool usage_other_owns_tag(const struct usage *o, const struct domain *d, uint64_t dev, uint64_t ino,
                          const char *tag, const char *id);

#endif
