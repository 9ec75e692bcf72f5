/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usage_cache.c - see graph/usage_cache.h.
 *
 * Lock: usage_cache->lock guards the fields below it; catalog->lock is taken under it, and no
 * other. The lock is not held while the thread makes a usage.
 */
#include "model/graph/usage_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/thread.h"
#include "model/catalog/catalog.h"
#include "model/graph/survey.h"
#include "model/state.h"

struct usage_cache {
    struct model *model;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t done;
    /* under lock: */
    pthread_t thread;
    bool has_thread, running;
    uint64_t began;       /* when the latest one was begun; CLOCK_MONOTONIC, ns */
    struct timespec when; /* the same moment; CLOCK_REALTIME */
    uint64_t changes;     /* changes by this process before it */
    uint64_t took;        /* how long the one before it took, ns */
    uint64_t until;       /* the latest one is kept until then */
    struct usage *latest; /* NULL until there is one */
};

struct usage_cache *usage_cache_new(struct model *m)
{
    struct usage_cache *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->done, NULL);
    l->model = m;
    return l;
}

void usage_cache_free(struct usage_cache *l)
{
    if (!l)
        return;
    atomic_store(&l->stop, true);
    if (l->has_thread) {
        virt_hurry(l->model->virt);
        pthread_join(l->thread, NULL);
    }
    usage_unref(l->latest);
    pthread_cond_destroy(&l->done);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static struct usage *draw(struct usage_cache *l)
{
    struct graph *g autodestroy(graph_free) = NULL;
    size_t missing = 0;
    struct err e = {0};
    if (survey_glance(l->model, &l->stop, &g, &missing, &e) < 0)
        return usage_failed(&e);
    return usage_new(&g, missing);
}

static void *run(void *arg)
{
    struct usage_cache *l = arg;
    struct usage *o = draw(l);
    autolock(&l->lock);
    uint64_t now = clock_ns();
    bool failed = !o || usage_failure(o);
    l->took = now - l->began;
    uint64_t rest = min_u64(l->took * USAGE_CACHE_REST, USAGE_CACHE_REST_SECONDS * CLOCK_SECOND);
    l->until = now + max_u64(failed ? 0 : rest, l->model->options.cache_ns);
    usage_unref(l->latest);
    l->latest = o;
    l->running = false;
    pthread_cond_broadcast(&l->done);
    return NULL;
}

/* Starts the thread. If no thread can be made, everything stays as it is. Needs the lock. */
static void start(struct usage_cache *l, uint64_t now, uint64_t changes)
{
    if (l->has_thread)
        pthread_join(l->thread, NULL); /* the thread has ended, or is about to end */
    l->began = now;
    clock_gettime(CLOCK_REALTIME, &l->when);
    l->changes = changes;
    l->running = l->has_thread = thread_start(&l->thread, run, l) == 0;
}

static bool is_before(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

static bool serves(const struct usage_cache *l, uint64_t now, uint64_t changes,
                   const struct domain *d, const struct snapshot *s)
{
    if (!l->latest || l->until <= now || l->changes != changes)
        return false;
    bool knows = usage_failure(l->latest) || (s && usage_knows(l->latest, d, s));
    return knows || !is_before(l->when, d->seen);
}

struct usage *usage_cache_ask(struct usage_cache *l, const struct domain *d,
                              const struct snapshot *s)
{
    autolock(&l->lock);
    uint64_t changes = model_changes(l->model);
    if (!l->running && !serves(l, clock_ns(), changes, d, s))
        start(l, clock_ns(), changes);
    bool in_vain = l->latest && l->took > USAGE_CACHE_WAIT_SECONDS * CLOCK_SECOND;
    uint64_t end = l->began + (in_vain ? 0 : USAGE_CACHE_WAIT_SECONDS * CLOCK_SECOND);
    while (l->running && clock_wait(&l->done, &l->lock, end))
        continue;
    return l->latest ? usage_ref(l->latest) : NULL;
}
