/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_cache.c - see reader/open_cache.h. Lock: open_cache->lock guards all below it, and is a
 * leaf; images and domains are released without it. */
#include "model/reader/open_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"

struct kept {
    struct domain *domain; /* NULL: the place is free */
    const struct snapshot_disk *disk;
    struct image *image;
    uint64_t until; /* CLOCK_MONOTONIC, ns */
};

struct open_cache {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool has_thread, ending;
    struct kept all[OPEN_CACHE_IMAGES];
};

static void let_go(struct kept *k)
{
    image_unref(k->image);
    domain_unref(k->domain);
}

/* Returns the place to use next: a free place, else the oldest. Needs the lock. */
static struct kept *next_to_go(struct open_cache *l)
{
    struct kept *next = &l->all[0];
    for (int i = 1; i < OPEN_CACHE_IMAGES; i++)
        if (l->all[i].until < next->until)
            next = &l->all[i];
    return next;
}

static struct kept empty_place(struct kept *k)
{
    struct kept was = *k;
    *k = (struct kept){0};
    return was;
}

/* Waits until the time of the oldest is over, and takes it out. Needs the lock. */
static struct kept wait_for_old(struct open_cache *l)
{
    while (!l->ending) {
        struct kept *oldest = NULL;
        for (int i = 0; i < OPEN_CACHE_IMAGES; i++)
            if (l->all[i].domain && (!oldest || l->all[i].until < oldest->until))
                oldest = &l->all[i];
        if (oldest && oldest->until <= clock_ns())
            return empty_place(oldest);
        if (oldest)
            clock_wait(&l->changed, &l->lock, oldest->until);
        else
            pthread_cond_wait(&l->changed, &l->lock);
    }
    return (struct kept){0};
}

static void *run(void *arg)
{
    struct open_cache *l = arg;
    pthread_mutex_lock(&l->lock);
    while (!l->ending) {
        struct kept old = wait_for_old(l);
        pthread_mutex_unlock(&l->lock);
        let_go(&old);
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

struct open_cache *open_cache_new(void)
{
    struct open_cache *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    l->has_thread = thread_start(&l->thread, run, l) == 0; /* else nothing is kept */
    return l;
}

void open_cache_free(struct open_cache *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->ending = true;
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->lock);
    if (l->has_thread)
        pthread_join(l->thread, NULL);
    for (int i = 0; i < OPEN_CACHE_IMAGES; i++)
        let_go(&l->all[i]);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static bool is_empty(const struct open_cache *l)
{
    for (int i = 0; i < OPEN_CACHE_IMAGES; i++)
        if (l->all[i].domain)
            return false;
    return true;
}

void open_cache_put(struct open_cache *l, struct domain *d, const struct snapshot_disk *disk,
                    struct image *im)
{
    struct kept was = {0};
    pthread_mutex_lock(&l->lock);
    if (l->has_thread) {
        if (is_empty(l)) /* else the thread waits for an older one, or is about to look */
            pthread_cond_signal(&l->changed);
        struct kept *place = next_to_go(l);
        was = empty_place(place);
        *place = (struct kept){.domain = domain_ref(d),
                               .disk = disk,
                               .image = image_ref(im),
                               .until = clock_ns() + OPEN_CACHE_MS * CLOCK_MS};
    }
    pthread_mutex_unlock(&l->lock);
    let_go(&was);
}

struct image *open_cache_take(struct open_cache *l, const struct domain *d,
                              const struct snapshot_disk *disk)
{
    struct kept was = {0};
    pthread_mutex_lock(&l->lock);
    for (int i = 0; i < OPEN_CACHE_IMAGES && !was.domain; i++)
        if (l->all[i].domain == d && l->all[i].disk == disk)
            was = empty_place(&l->all[i]);
    pthread_mutex_unlock(&l->lock);
    domain_unref(was.domain);
    return was.image;
}
