/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table.c - see table.h: chained hash tables over the same nodes, by place, by id and by number.
 *
 * One lock, `table.lock`, a leaf: while it is held, only the allocator and image_ref are called. A
 * node lives while it has lookups or is open. The kernel forgets an inode only after its last
 * close, but an aborted connection may reverse that order.
 */
#include "node/table.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/budget.h"
#include "base/hash.h"
#include "base/lock.h"

struct node {
    uint64_t id, lookups;
    struct place place;
    uint64_t hash;   /* of the place */
    uint64_t number; /* its st_ino */
    struct image *image;
    uint64_t chain; /* image_chain_hash of the images read through the kernel's pages */
    bool dropped;   /* the kernel has no pages of another chain */
    unsigned opens;
    struct stat st; /* valid while `opens` is not 0 */
    struct node *next_by_place, *next_by_id, *next_by_number;
};

struct table {
    pthread_mutex_t lock;
    struct node **by_place, **by_id, **by_number; /* size buckets each */
    size_t size, n;
    uint64_t last_id;
};

enum { TABLE_START_SIZE = 256 };

static struct node **bucket_by_id(struct table *t, uint64_t id)
{
    return &t->by_id[id & (t->size - 1)];
}

static struct node **bucket_by_place(struct table *t, uint64_t hash)
{
    return &t->by_place[hash & (t->size - 1)];
}

static struct node **bucket_by_number(struct table *t, uint64_t number)
{
    return &t->by_number[number & (t->size - 1)];
}

static void insert_place(struct table *t, struct node *n)
{
    struct node **place = bucket_by_place(t, n->hash);
    struct node **number = bucket_by_number(t, n->number);
    n->next_by_place = *place;
    *place = n;
    n->next_by_number = *number;
    *number = n;
}

static void insert(struct table *t, struct node *n)
{
    struct node **id = bucket_by_id(t, n->id);
    n->next_by_id = *id;
    *id = n;
    insert_place(t, n);
}

static void remove_place(struct table *t, struct node *n)
{
    struct node **place = bucket_by_place(t, n->hash);
    struct node **number = bucket_by_number(t, n->number);
    while (*place != n)
        place = &(*place)->next_by_place;
    *place = n->next_by_place;
    while (*number != n)
        number = &(*number)->next_by_number;
    *number = n->next_by_number;
}

/* Doubles the buckets. If there is no memory, the chains merely grow longer. */
static void grow(struct table *t)
{
    size_t old_size = t->size, size = old_size * 2;
    struct node **by_place = calloc(size, sizeof(struct node *));
    struct node **by_id = calloc(size, sizeof(struct node *));
    struct node **by_number = calloc(size, sizeof(struct node *));
    if (!by_place || !by_id || !by_number) {
        free(by_place);
        free(by_id);
        free(by_number);
        return;
    }
    struct node **old = t->by_id;
    free(t->by_place);
    free(t->by_number);
    t->by_place = by_place;
    t->by_id = by_id;
    t->by_number = by_number;
    t->size = size;
    for (size_t i = 0; i < old_size; i++)
        for (struct node *n = old[i], *next; n; n = next) {
            next = n->next_by_id;
            insert(t, n);
        }
    free(old);
}

static struct node *find_id(struct table *t, uint64_t id)
{
    struct node *n = *bucket_by_id(t, id);
    while (n && n->id != id)
        n = n->next_by_id;
    return n;
}

static struct node *find_place(struct table *t, const struct place *p, uint64_t hash)
{
    struct node *n = *bucket_by_place(t, hash);
    while (n && (n->hash != hash || !place_equal(&n->place, p)))
        n = n->next_by_place;
    return n;
}

/* Finds a node by number. With `open` only an open node counts, because the kernel has its pages.
 * */
static struct node *find_number(struct table *t, const struct place *p, uint64_t number, bool open)
{
    struct node *n = *bucket_by_number(t, number);
    while (n && (n->number != number || n->place.kind != p->kind || (open && !n->opens)))
        n = n->next_by_number;
    return n;
}

static struct node *find(struct table *t, const struct place *p, uint64_t hash, uint64_t number)
{
    struct node *n = find_number(t, p, number, true);
    if (!n)
        n = find_place(t, p, hash);
    return n ? n : find_number(t, p, number, false);
}

/* Gives the node another place. */
static void move(struct table *t, struct node *n, const struct place *p, uint64_t hash,
                 uint64_t number)
{
    if (n->hash == hash && n->number == number && place_equal(&n->place, p))
        return;
    remove_place(t, n);
    n->place = *p;
    n->hash = hash;
    n->number = number;
    insert_place(t, n);
}

static struct node *add(struct table *t, const struct place *p, uint64_t hash, uint64_t number)
{
    struct node *n = calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    if (t->n >= t->size)
        grow(t);
    n->id = ++t->last_id;
    n->place = *p;
    n->hash = hash;
    n->number = number;
    t->n++;
    budget_count(sizeof(*n)); /* cannot be refused: the kernel gets the node */
    insert(t, n);
    return n;
}

/* Frees a node without lookups and opens. */
static void drop_unused(struct table *t, struct node *n)
{
    if (n->lookups || n->opens || n->id == TABLE_ROOT_ID)
        return;
    struct node **id = bucket_by_id(t, n->id);
    while (*id != n)
        id = &(*id)->next_by_id;
    *id = n->next_by_id;
    remove_place(t, n);
    t->n--;
    budget_give(sizeof(*n));
    free(n);
}

struct table *table_new(void)
{
    struct table *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    struct place root = place_make(PLACE_ROOT, "", 0, 0);
    pthread_mutex_init(&t->lock, NULL);
    t->size = TABLE_START_SIZE;
    t->by_place = calloc(t->size, sizeof(struct node *));
    t->by_id = calloc(t->size, sizeof(struct node *));
    t->by_number = calloc(t->size, sizeof(struct node *));
    bool ok = t->by_place && t->by_id && t->by_number;
    if (!ok || !add(t, &root, place_hash(&root), place_ino(&root))) {
        table_free(t);
        return NULL;
    }
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    for (size_t i = 0; t->by_id && i < t->size; i++)
        for (struct node *n = t->by_id[i], *next; n; n = next) {
            next = n->next_by_id;
            image_unref(n->image);
            budget_give(sizeof(*n));
            free(n);
        }
    free(t->by_place);
    free(t->by_id);
    free(t->by_number);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

int table_lookup(struct table *t, const struct place *p, uint64_t number, uint64_t *ret_id,
                 struct err *e)
{
    uint64_t hash = place_hash(p);
    pthread_mutex_lock(&t->lock);
    struct node *n = find(t, p, hash, number);
    if (!n)
        n = add(t, p, hash, number);
    if (n) {
        move(t, n, p, hash, number);
        n->lookups++;
        *ret_id = n->id;
    }
    pthread_mutex_unlock(&t->lock);
    return n ? 0 : err_nomem(e);
}

void table_forget(struct table *t, uint64_t id, uint64_t count)
{
    autolock(&t->lock);
    struct node *n = find_id(t, id);
    if (n) {
        n->lookups -= min_u64(count, n->lookups);
        drop_unused(t, n);
    }
}

int table_place(struct table *t, uint64_t id, struct place *ret, struct err *e)
{
    pthread_mutex_lock(&t->lock);
    const struct node *n = find_id(t, id);
    if (n)
        *ret = n->place;
    pthread_mutex_unlock(&t->lock);
    return n ? 0 : err_fail(e, ESTALE, "node %" PRIu64 " was forgotten", id);
}

uint64_t table_number(struct table *t, uint64_t id)
{
    autolock(&t->lock);
    const struct node *n = find_id(t, id);
    return n ? n->number : 0;
}

static enum table_pages pages_of(struct node *n, uint64_t chain)
{
    if (n->chain != chain && n->opens)
        return PAGES_OTHER;
    n->dropped = n->dropped && n->chain == chain;
    n->chain = chain;
    return n->dropped ? PAGES_RIGHT : PAGES_OLD;
}

bool table_image_opened(struct table *t, uint64_t id, struct image *im, const struct stat *st,
                        enum table_pages *ret)
{
    struct image *old = NULL;
    uint64_t chain = image_chain_hash(im);
    *ret = PAGES_OLD;
    pthread_mutex_lock(&t->lock);
    struct node *n = find_id(t, id);
    bool first = n && !n->opens;
    if (n) {
        old = n->image;
        n->image = image_ref(im);
        *ret = pages_of(n, chain);
        n->st = *st;
        n->opens++;
    }
    pthread_mutex_unlock(&t->lock);
    image_unref(old);
    return first;
}

void table_image_renewed(struct table *t, uint64_t id, struct image *old, struct image *im)
{
    uint64_t before = image_chain_hash(old), now = image_chain_hash(im);
    struct image *was = NULL;
    pthread_mutex_lock(&t->lock);
    struct node *n = find_id(t, id);
    if (n && n->opens) {
        was = n->image;
        n->image = image_ref(im);
        n->chain = n->chain == before ? now : n->chain;
    }
    pthread_mutex_unlock(&t->lock);
    image_unref(was);
}

void table_pages_dropped(struct table *t, uint64_t id)
{
    autolock(&t->lock);
    struct node *n = find_id(t, id);
    if (n)
        n->dropped = true;
}

void table_image_closed(struct table *t, uint64_t id)
{
    struct image *last = NULL;
    pthread_mutex_lock(&t->lock);
    struct node *n = find_id(t, id);
    if (n && n->opens && !--n->opens) {
        last = take(n->image);
        drop_unused(t, n);
    }
    pthread_mutex_unlock(&t->lock);
    image_unref(last);
}

bool table_image(struct table *t, uint64_t id, struct stat *ret_st, struct image **ret_im)
{
    autolock(&t->lock);
    const struct node *n = find_id(t, id);
    bool open = n && n->opens;
    if (open) {
        *ret_st = n->st;
        *ret_im = image_ref(n->image);
    }
    return open;
}

uint64_t table_count(struct table *t)
{
    autolock(&t->lock);
    return t->n;
}
