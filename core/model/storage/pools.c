/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pools.c - see storage/pools.h. Lock: pools->lock guards all that is below it, and is a leaf;
 * libvirt is asked without it. */
#include "model/storage/pools.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/thread.h"

/* One question and what libvirt last answered. */
struct answer {
    struct answer *next;
    char *pool; /* NULL: `name` is a path, and its kind is asked; else a volume, and its path is */
    char *name;
    unsigned waiting; /* threads that hold a pointer to it */
    bool queued;
    uint64_t asked; /* when the question of this answer was asked; 0 = never */
    char *path;     /* NULL: libvirt did not say */
    enum virt_volume kind;
};

struct pools {
    struct virt *virt;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under lock: */
    pthread_t thread;
    bool has_thread, ending;
    uint64_t busy_since; /* 0: the thread waits for questions */
    struct answer *first;
    size_t n;
};

struct pools *pools_new(struct virt *v)
{
    struct pools *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->virt = v;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    return p;
}

static void answer_free(struct answer *a)
{
    if (!a)
        return;
    free(a->pool);
    free(a->name);
    free(a->path);
    free(a);
}
MEM_CLEANUP(struct answer, answer_free)

void pools_free(struct pools *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (p->has_thread) {
        virt_hurry(p->virt);
        pthread_join(p->thread, NULL);
    }
    while (p->first) {
        struct answer *next = p->first->next;
        answer_free(p->first);
        p->first = next;
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- the thread ---- */

static struct answer *next_question(const struct pools *p)
{
    struct answer *a = p->first;
    while (a && !a->queued)
        a = a->next;
    return a;
}

/* Answers one question. The lock is held, except during the call. A queued one is never dropped. */
static void answer_one(struct pools *p, struct answer *a)
{
    char *path = NULL;
    enum virt_volume kind = VIRT_VOLUME_NONE;
    a->queued = false;
    a->waiting++;
    p->busy_since = clock_ns();
    pthread_mutex_unlock(&p->lock);
    if (a->pool)
        (void)virt_volume_path(p->virt, a->pool, a->name, &path, NULL);
    else
        (void)virt_volume_at(p->virt, a->name, &kind, NULL);
    pthread_mutex_lock(&p->lock);
    free(a->path);
    a->path = path;
    a->kind = kind;
    a->asked = p->busy_since;
    p->busy_since = 0;
    a->waiting--;
    pthread_cond_broadcast(&p->changed);
}

static void *run(void *arg)
{
    struct pools *p = arg;
    autolock(&p->lock);
    while (!p->ending) {
        struct answer *a = next_question(p);
        if (a)
            answer_one(p, a);
        else
            pthread_cond_wait(&p->changed, &p->lock);
    }
    return NULL;
}

/* ---- asking; with the lock held ---- */

static bool is_same(const struct answer *a, const char *pool, const char *name)
{
    return !strcmp(a->name, name) && (pool ? a->pool && !strcmp(a->pool, pool) : !a->pool);
}

/* Makes room: drops the answer that was added first and that no thread waits for. */
static void drop_oldest(struct pools *p)
{
    struct answer **oldest = NULL;
    for (struct answer **at = &p->first; *at; at = &(*at)->next)
        if (!(*at)->queued && !(*at)->waiting)
            oldest = at;
    if (!oldest)
        return;
    struct answer *a = *oldest;
    *oldest = a->next;
    p->n--;
    answer_free(a);
}

static struct answer *add(struct pools *p, const char *pool, const char *name)
{
    if (p->n >= POOLS_ANSWERS_MAX)
        drop_oldest(p);
    struct answer *a autodestroy(answer_free) = NULL;
    if (p->n < POOLS_ANSWERS_MAX)
        a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->pool = pool ? strdup(pool) : NULL;
    a->name = strdup(name);
    if (!a->name || (pool && !a->pool))
        return NULL;
    a->next = p->first;
    p->first = a;
    p->n++;
    return take(a);
}

static struct answer *find(struct pools *p, const char *pool, const char *name)
{
    struct answer *a = p->first;
    while (a && !is_same(a, pool, name))
        a = a->next;
    return a ? a : add(p, pool, name);
}

/* Returns when to stop waiting. If a call to libvirt has taken long already, no thread waits behind
 * that call. */
static uint64_t wait_end(const struct pools *p, bool now)
{
    uint64_t began = p->busy_since && !now ? p->busy_since : clock_ns();
    return began + (now ? POOLS_PATIENCE_MS : POOLS_WAIT_MS) * CLOCK_MS;
}

/* Returns the answer that counts, or NULL if there is none. */
static const struct answer *ask(struct pools *p, const char *pool, const char *name, uint64_t since,
                                bool now)
{
    struct answer *a = find(p, pool, name);
    if (!p->has_thread)
        p->has_thread = thread_start(&p->thread, run, p) == 0;
    if (!a || !p->has_thread)
        return NULL;
    uint64_t end = wait_end(p, now);
    a->waiting++;
    if (a->asked < since) {
        a->queued = true;
        pthread_cond_broadcast(&p->changed);
    }
    while (a->asked < since && !p->ending && clock_wait(&p->changed, &p->lock, end))
        ;
    a->waiting--;
    return a->asked >= since || (!now && a->asked) ? a : NULL;
}

char *pools_path(struct pools *p, const char *pool, const char *volume, uint64_t since, bool now)
{
    autolock(&p->lock);
    const struct answer *a = ask(p, pool, volume, since, now);
    return a && a->path ? strdup(a->path) : NULL;
}

enum virt_volume pools_kind(struct pools *p, const char *path)
{
    autolock(&p->lock);
    const struct answer *a = ask(p, NULL, path, clock_ns(), false);
    return a ? a->kind : VIRT_VOLUME_NONE;
}
