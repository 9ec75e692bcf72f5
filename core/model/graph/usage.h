/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usage.h - the file graph as it was a short while ago: for what tells who needs a file, and
 * changes nothing.
 *
 * Refcounted, immutable, made for many questions: each costs what its answer has.
 */
#ifndef SNAPFS_MODEL_GRAPH_USAGE_H
#define SNAPFS_MODEL_GRAPH_USAGE_H

#include "model/graph/graph.h"
#include "model/catalog/domain.h"

struct usage;

/* Of a graph, which it takes over on success, and how many domains are missing in it. Past the
 * option memory= it is one of a failure; NULL without memory. */
struct usage *usage_new(struct graph **g, size_t n_missing);
/* Of a failure to draw one. */
struct usage *usage_failed(const struct err *why);
struct usage *usage_ref(struct usage *o);
void usage_unref(struct usage *o); /* NULL allowed */
MEM_CLEANUP(struct usage, usage_unref)

/* Why there is no graph; NULL when there is one. */
const struct err *usage_failure(const struct usage *o);
size_t usage_n_missing(const struct usage *o);

/* Are all disks of the snapshot that stand in files among the users? */
bool usage_knows(const struct usage *o, const struct domain *d, const struct snapshot *s);

/* Counts in *ret_n the users that read through the whole of a file that the snapshot is in, or its
 * image in a mount, and calls `each` for the first `max` of them. Not counted are the snapshot
 * itself and, where it is a tag in the file that the domain's own disk is on, that disk. */
int usage_needed_by(const struct usage *o, const struct domain *d, const struct snapshot *s,
                    size_t max, void (*each)(void *ctx, const char *who), void *ctx, size_t *ret_n,
                    struct err *e);

/* Is that entry of a snapshot table one of a snapshot of another domain than `d`? */
bool usage_other_owns_tag(const struct usage *o, const struct domain *d, uint64_t dev, uint64_t ino,
                          const char *tag, const char *id);

#endif
