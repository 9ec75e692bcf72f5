/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usage_cache.h - makes a usage (graph/usage.h) when a caller asks for one, and keeps it for a
 * while.
 *
 * To make a usage, snapfs reads all domains. The reading can take long; if libvirt is stuck with a
 * domain, it never ends. So a thread of its own reads the domains. A caller waits at most
 * USAGE_CACHE_WAIT_SECONDS for the thread. In two cases a caller does not wait at all: the thread
 * is late; or the thread took longer the last time, and there is a usage to show.
 */
#ifndef SNAPFS_MODEL_GRAPH_USAGE_CACHE_H
#define SNAPFS_MODEL_GRAPH_USAGE_CACHE_H

#include "model/graph/usage.h"

enum {
    USAGE_CACHE_WAIT_SECONDS = 2,
    USAGE_CACHE_REST = 10,         /* a usage is kept for so many times as long as it took, */
    USAGE_CACHE_REST_SECONDS = 60, /* but no longer than that, and at least for `cache` */
};

struct usage_cache;

struct usage_cache *usage_cache_new(struct model *m); /* NULL without memory */
/* Waits for the cache's thread. If the thread is in a call to libvirt, that call has about a second
 * more. So no other thread may still be waiting for libvirt's answers. NULL allowed. */
void usage_cache_free(struct usage_cache *l);

/* Returns the latest usage, with a reference; NULL if there is none yet. The usage is made anew in
 * three cases:
 *
 *   - The usage is old.
 *   - The usage was made before a change by this process.
 *   - The usage does not know the snapshot, and is older than the domain. If `s` is NULL, the usage
 *     counts as not knowing the snapshot.
 */
struct usage *usage_cache_ask(struct usage_cache *l, const struct domain *d,
                              const struct snapshot *s);

#endif
