/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usage_cache.c - see graph/usage_cache.h.
 *
 * Lock: lookout->lock guards the fields below it; model->lock is taken under it, and no other. It
 * is not held while the thread draws.
 */
#include "model/graph/usage_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "model/catalog/catalog.h"
#include "model/graph/survey.h"

struct lookout {
    struct model *model;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t done;
    /* under lock: */
    pthread_t thread;
    bool has_thread, running;
    uint64_t began;         /* of the latest drawing; CLOCK_MONOTONIC, ns, and */
    struct timespec when;   /* CLOCK_REALTIME */
    uint64_t changes;       /* made here before it */
    uint64_t took;          /* the one before it, ns */
    uint64_t until;         /* how long the latest is kept */
    struct outlook *latest; /* NULL until there is one */
};

struct lookout *lookout_new(struct model *m)
{
    struct lookout *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->done, NULL);
    l->model = m;
    return l;
}

void lookout_free(struct lookout *l)
{
    if (!l)
        return;
    atomic_store(&l->stop, true);
    if (l->has_thread) {
        virt_hurry(l->model->virt);
        pthread_join(l->thread, NULL);
    }
    outlook_unref(l->latest);
    pthread_cond_destroy(&l->done);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static uint64_t changes_now(struct model *m)
{
    pthread_mutex_lock(&m->lock);
    uint64_t changes = m->changes;
    pthread_mutex_unlock(&m->lock);
    return changes;
}

static struct outlook *draw(struct lookout *l)
{
    struct graph *g autodestroy(graph_free) = NULL;
    size_t missing = 0;
    struct err e = {0};
    if (survey_glance(l->model, &l->stop, &g, &missing, &e) < 0)
        return outlook_failed(&e);
    return outlook_new(&g, missing);
}

static void *run(void *arg)
{
    struct lookout *l = arg;
    struct outlook *o = draw(l);
    pthread_mutex_lock(&l->lock);
    uint64_t now = clock_ns();
    bool failed = !o || outlook_failure(o);
    l->took = now - l->began;
    uint64_t rest = min_u64(l->took * LOOKOUT_REST, LOOKOUT_REST_SECONDS * CLOCK_SECOND);
    l->until = now + max_u64(failed ? 0 : rest, l->model->options.cache_ns);
    outlook_unref(l->latest);
    l->latest = o;
    l->running = false;
    pthread_cond_broadcast(&l->done);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Under lock. Without a thread to be had everything stays as it is. */
static void start(struct lookout *l, uint64_t now, uint64_t changes)
{
    if (l->has_thread)
        pthread_join(l->thread, NULL); /* it has ended, or is about to */
    l->began = now;
    clock_gettime(CLOCK_REALTIME, &l->when);
    l->changes = changes;
    l->running = l->has_thread = pthread_create(&l->thread, NULL, run, l) == 0;
}

static bool is_before(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

static bool serves(const struct lookout *l, uint64_t now, uint64_t changes, const struct domain *d,
                   const struct snapshot *s)
{
    if (!l->latest || l->until <= now || l->changes != changes)
        return false;
    bool knows = outlook_failure(l->latest) || (s && outlook_knows(l->latest, d, s));
    return knows || !is_before(l->when, d->seen);
}

struct outlook *lookout_ask(struct lookout *l, const struct domain *d, const struct snapshot *s)
{
    pthread_mutex_lock(&l->lock);
    uint64_t changes = changes_now(l->model);
    if (!l->running && !serves(l, clock_ns(), changes, d, s))
        start(l, clock_ns(), changes);
    bool in_vain = l->latest && l->took > LOOKOUT_WAIT_SECONDS * CLOCK_SECOND;
    uint64_t end = l->began + (in_vain ? 0 : LOOKOUT_WAIT_SECONDS * CLOCK_SECOND);
    while (l->running && clock_wait(&l->done, &l->lock, end))
        continue;
    struct outlook *o = l->latest ? outlook_ref(l->latest) : NULL;
    pthread_mutex_unlock(&l->lock);
    return o;
}
