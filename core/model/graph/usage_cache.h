/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usage_cache.h - draws an outlook (graph/usage.h) when somebody asks for one, and keeps it for a
 * while.
 *
 * To draw it all domains are read, which can take long, and for ever where libvirt is stuck with
 * one. A thread of its own does that; who asks waits LOOKOUT_WAIT_SECONDS for it at most, and not
 * at all once it is late, or when it took longer the last time and there is one to show.
 */
#ifndef SNAPFS_MODEL_GRAPH_USAGE_CACHE_H
#define SNAPFS_MODEL_GRAPH_USAGE_CACHE_H

#include "model/graph/usage.h"

enum {
    LOOKOUT_WAIT_SECONDS = 2,
    LOOKOUT_REST = 10,         /* an outlook is kept for so many times as long as it took, but */
    LOOKOUT_REST_SECONDS = 60, /* no longer than that, and for the catalog's `cache` at least */
};

struct usage_cache;

struct usage_cache *usage_cache_new(struct model *m); /* NULL without memory */
/* Waits for its thread, which has about a second more for each call to libvirt that it is in; so
 * nobody else may be waiting for libvirt's answers any more. NULL allowed. */
void usage_cache_free(struct usage_cache *l);

/* The latest, with a reference, drawn anew where it is old, was drawn before a change made here, or
 * does not know the snapshot and is older than the domain (s NULL: any will do). NULL when there is
 * none yet. */
struct usage *usage_cache_ask(struct usage_cache *l, const struct domain *d,
                              const struct snapshot *s);

#endif
