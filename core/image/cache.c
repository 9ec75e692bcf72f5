/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cache.c - see cache.h. Lock: one mutex a shard, a leaf. */
#include "image/cache.h"

#include <pthread.h>

#include "base/budget.h"
#include "base/hash.h"
#include "base/lock.h"

enum {
    SHARDS = 16,
    BUCKETS = 1024,  /* a shard */
    PART_TABLES = 8, /* 1/8 of the budget */
    PART_CLUSTERS = 4
};

struct shard {
    pthread_mutex_t lock;
    struct block *buckets[BUCKETS];
    struct block *newest, *oldest;
};

static struct shard shards[CACHE_KINDS][SHARDS] = {
    [0 ... CACHE_KINDS - 1] = {[0 ... SHARDS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}}};

static const unsigned parts[CACHE_KINDS] = {
    [CACHE_TABLES] = PART_TABLES,
    [CACHE_CLUSTERS] = PART_CLUSTERS,
};

static _Atomic uint64_t used[CACHE_KINDS]; /* bytes of the blocks in it */
static _Atomic unsigned next_shard;        /* to evict from */
static pthread_once_t once = PTHREAD_ONCE_INIT;

uint64_t cache_owner(void)
{
    static _Atomic uint64_t last;
    return atomic_fetch_add(&last, 1) + 1;
}

static uint64_t key_hash(uint64_t owner, uint64_t offset)
{
    return hash_end(owner * UINT64_C(0x9e3779b97f4a7c15) ^ offset);
}

static struct shard *shard_of(enum cache_kind kind, uint64_t h)
{
    return &shards[kind][h % SHARDS];
}

static struct block **bucket_of(struct shard *s, uint64_t h)
{
    return &s->buckets[h / SHARDS % BUCKETS];
}

static void unlink_age(struct shard *s, struct block *b)
{
    *(b->newer ? &b->newer->older : &s->newest) = b->older;
    *(b->older ? &b->older->newer : &s->oldest) = b->newer;
}

static void link_newest(struct shard *s, struct block *b)
{
    b->newer = NULL;
    b->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = b;
    s->newest = b;
}

static struct block *find(struct shard *s, uint64_t h, uint64_t owner, uint64_t offset, size_t len)
{
    struct block *b = *bucket_of(s, h);
    while (b && (b->owner != owner || b->offset != offset || (len && b->len != len)))
        b = b->chain;
    return b;
}

struct block *cache_get(enum cache_kind kind, uint64_t owner, uint64_t offset, size_t len)
{
    uint64_t h = key_hash(owner, offset);
    struct shard *s = shard_of(kind, h);
    autolock(&s->lock);
    struct block *b = find(s, h, owner, offset, len);
    if (b) {
        atomic_fetch_add(&b->refs, 1);
        if (b != s->newest) {
            unlink_age(s, b);
            link_newest(s, b);
        }
    }
    return b;
}

static size_t size_of(const struct block *b)
{
    return sizeof(*b) + b->len;
}

struct block *block_new(uint64_t owner, uint64_t offset, size_t len)
{
    struct block *b = malloc(sizeof(*b) + len);
    if (!b)
        return NULL;
    *b = (struct block){.owner = owner, .offset = offset, .len = len, .refs = 1};
    budget_count(size_of(b));
    return b;
}

void block_unref(struct block *b)
{
    if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    budget_give(size_of(b));
    free(b);
}

/* Evicts the oldest block of a shard and returns its bytes; 0 if the shard is empty. */
static size_t evict_oldest(enum cache_kind kind, struct shard *s)
{
    pthread_mutex_lock(&s->lock);
    struct block *b = s->oldest;
    if (b) {
        struct block **p = bucket_of(s, key_hash(b->owner, b->offset));
        while (*p != b)
            p = &(*p)->chain;
        *p = b->chain;
        unlink_age(s, b);
    }
    pthread_mutex_unlock(&s->lock);
    size_t size = b ? size_of(b) : 0;
    atomic_fetch_sub(&used[kind], size);
    block_unref(b);
    return size;
}

/* Evicts the oldest block of one shard after another, until `bytes` are freed or no block is left.
 * */
static uint64_t evict(enum cache_kind kind, uint64_t bytes)
{
    uint64_t freed = 0;
    for (unsigned empty = 0; freed < bytes && empty < SHARDS;) {
        size_t size = evict_oldest(kind, &shards[kind][atomic_fetch_add(&next_shard, 1) % SHARDS]);
        empty = size ? 0 : empty + 1;
        freed += size;
    }
    return freed;
}

static void drop(void *ctx, uint64_t bytes)
{
    (void)ctx;
    uint64_t freed = evict(CACHE_CLUSTERS, bytes);
    if (freed < bytes)
        evict(CACHE_TABLES, bytes - freed);
}

/* Registers the caches as keepers of the budget, for the life of the process. */
static void keep_for_speed(void)
{
    (void)budget_keeper(drop, NULL);
}

static bool insert(struct shard *s, uint64_t h, struct block *b)
{
    autolock(&s->lock);
    bool missing = !find(s, h, b->owner, b->offset, b->len);
    if (missing) {
        atomic_fetch_add(&b->refs, 1);
        struct block **bucket = bucket_of(s, h);
        b->chain = *bucket;
        *bucket = b;
        link_newest(s, b);
    }
    return missing;
}

void cache_put(enum cache_kind kind, struct block *b)
{
    uint64_t h = key_hash(b->owner, b->offset), part = budget_limit() / parts[kind];
    pthread_once(&once, keep_for_speed);
    atomic_fetch_add(&used[kind], size_of(b)); /* before anyone can evict it */
    if (!insert(shard_of(kind, h), h, b))
        atomic_fetch_sub(&used[kind], size_of(b));
    uint64_t now = atomic_load(&used[kind]);
    if (now > part)
        evict(kind, now - part);
    else if (budget_over())
        evict(kind, size_of(b));
}
