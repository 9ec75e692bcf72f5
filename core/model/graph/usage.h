/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usage.h - the file graph as it was a short while ago, for callers that only tell which users need
 * a file.
 *
 * Refcounted, immutable, made for many questions: each costs what its answer has.
 */
#ifndef SNAPFS_MODEL_GRAPH_USAGE_H
#define SNAPFS_MODEL_GRAPH_USAGE_H

#include "model/graph/graph.h"
#include "model/catalog/domain.h"

struct usage;

/* Makes the usage of a graph, which it takes over on success. `n_missing` domains are missing in
 * the graph. Past the option memory= the result is that of a failure; NULL without memory. */
struct usage *usage_new(struct graph **g, size_t n_missing);
/* Makes the usage of a failure to make a graph. */
struct usage *usage_failed(const struct err *why);
struct usage *usage_ref(struct usage *o);
void usage_unref(struct usage *o); /* NULL allowed */
MEM_CLEANUP(struct usage, usage_unref)

/* Returns why there is no graph, or NULL if there is one. */
const struct err *usage_failure(const struct usage *o);
size_t usage_n_missing(const struct usage *o);

/* Returns whether all disks of the snapshot that are in files are among the users. */
bool usage_knows(const struct usage *o, const struct domain *d, const struct snapshot *s);

/* Counts in *ret_n the users that read through the whole of a file that the snapshot is in, or use
 * its image in a mount. Calls `each` for the first `max` of them. Does not count the snapshot
 * itself. If the snapshot is a tag in the file that the domain's own disk is on, does not count
 * that disk either. */
int usage_needed_by(const struct usage *o, const struct domain *d, const struct snapshot *s,
                    size_t max, void (*each)(void *ctx, const char *who), void *ctx, size_t *ret_n,
                    struct err *e);

/* Returns whether that entry of a snapshot table is one of a snapshot of another domain than
 * `d`. */
bool usage_other_owns_tag(const struct usage *o, const struct domain *d, uint64_t dev, uint64_t ino,
                          const char *tag, const char *id);

#endif
