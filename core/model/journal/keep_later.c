/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keep_later.c - see journal/keep_later.h.
 *
 * Lock: keep_later->lock guards what is pending and what was noted before; it is a leaf, and not
 * held while the thread writes.
 */
#include "model/journal/keep_later.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/thread.h"
#include "model/journal/keep.h"
#include "model/state.h"

enum { NOTED = 8192 /* hashes of what was kept lately, by their keys; a power of 2 */ };

struct record {
    char uuid[VIRT_UUID_LEN + 1];
    const char *kind;
    char *key, *value;
};

struct keep_later {
    struct model *model;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t noted[NOTED];
    struct record *pending;
    size_t n;
    bool ending, has_thread;
    pthread_t thread;
};

/* ---- writing ---- */

struct batch {
    const struct record *items;
    size_t n;
    const char *uuid;
};

static int edit(void *ctx, struct kept *k)
{
    const struct batch *b = ctx;
    for (size_t i = 0; i < b->n; i++)
        if (!strcmp(b->items[i].uuid, b->uuid))
            kept_set(k, b->items[i].kind, b->items[i].key, b->items[i].value);
    return 0;
}

static bool is_first_of_domain(const struct record *items, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(items[k].uuid, items[i].uuid))
            return false;
    return true;
}

static void write_all(struct model *m, const struct record *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct batch b = {items, n, items[i].uuid};
        if (is_first_of_domain(items, i))
            keep(m, b.uuid, edit, &b);
    }
}

static void record_clear(struct record *x)
{
    free(x->key);
    free(x->value);
}

static void free_records(struct record *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        record_clear(&items[i]);
    free(items);
}

/* Takes what is pending and writes it, without the lock meanwhile. Needs the lock. */
static void write_pending(struct keep_later *l)
{
    struct record *items = take(l->pending);
    size_t n = l->n;
    l->n = 0;
    pthread_mutex_unlock(&l->lock);
    write_all(l->model, items, n);
    free_records(items, n);
    pthread_mutex_lock(&l->lock);
}

static void *run(void *data)
{
    struct keep_later *l = data;
    autolock(&l->lock);
    while (!l->ending) {
        while (!l->n && !l->ending)
            pthread_cond_wait(&l->changed, &l->lock);
        uint64_t until = clock_ns() + KEEP_LATER_MS * (CLOCK_SECOND / 1000);
        while (!l->ending && clock_wait(&l->changed, &l->lock, until))
            continue;
        write_pending(l);
    }
    if (l->n)
        write_pending(l); /* records that came during the last write */
    return NULL;
}

struct keep_later *keep_later_new(struct model *m)
{
    struct keep_later *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->model = m;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    return l;
}

void keep_later_free(struct keep_later *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->ending = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    if (l->has_thread)
        pthread_join(l->thread, NULL);
    free_records(l->pending, l->n);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* ---- noting ---- */

/* Takes over what `x` has. Returns whether it will be written. Needs the lock. */
static bool add(struct keep_later *l, struct record *x)
{
    struct record *more = l->n < KEEP_LATER_MAX ? mem_grow(l->pending, l->n, sizeof(*more)) : NULL;
    if (!more || !x->key || !x->value) {
        l->pending = more ? more : l->pending;
        record_clear(x);
        return false;
    }
    l->pending = more;
    l->pending[l->n++] = *x;
    if (!l->has_thread)
        l->has_thread = thread_start(&l->thread, run, l) == 0;
    pthread_cond_broadcast(&l->changed);
    return true;
}

void keep_later(struct keep_later *l, const char *uuid, const char *kind, const char *key,
                const char *value)
{
    if (l->model->options.readonly || l->model->is_test)
        return;
    uint64_t key_hash = hash_str(hash_str(hash_str(HASH_START, uuid), kind), key);
    uint64_t hash = hash_end(hash_str(key_hash, value));
    autolock(&l->lock);
    uint64_t *noted = &l->noted[hash_end(key_hash) & (NOTED - 1)];
    if (*noted != hash) {
        struct record x = {.kind = kind, .key = strdup(key), .value = strdup(value)};
        snprintf(x.uuid, sizeof(x.uuid), "%s", uuid);
        *noted = add(l, &x) ? hash : 0;
    }
}
