/* cache.c - see cache.h. Lock: one mutex a shard, a leaf. */
#include "image/cache.h"

#include <pthread.h>

#include "base/hash.h"

enum {
    SHARDS = 16,
    BUCKETS = 1024, /* a shard */
    BUDGET_TABLES = 32 * 1024 * 1024,
    BUDGET_CLUSTERS = 64 * 1024 * 1024
};

struct shard {
    pthread_mutex_t lock;
    struct block *buckets[BUCKETS];
    struct block *newest, *oldest;
    size_t used;
};

static struct shard shards[CACHE_KINDS][SHARDS] = {
    [0 ... CACHE_KINDS - 1] = {[0 ... SHARDS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}}};

static const size_t shard_budget[CACHE_KINDS] = {
    [CACHE_TABLES] = BUDGET_TABLES / SHARDS,
    [CACHE_CLUSTERS] = BUDGET_CLUSTERS / SHARDS,
};

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
    pthread_mutex_lock(&s->lock);
    struct block *b = find(s, h, owner, offset, len);
    if (b) {
        atomic_fetch_add(&b->refs, 1);
        if (b != s->newest) {
            unlink_age(s, b);
            link_newest(s, b);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return b;
}

struct block *block_new(uint64_t owner, uint64_t offset, size_t len)
{
    struct block *b = malloc(sizeof(*b) + len);
    if (!b)
        return NULL;
    *b = (struct block){.owner = owner, .offset = offset, .len = len, .refs = 1};
    return b;
}

void block_unref(struct block *b)
{
    if (b && atomic_fetch_sub(&b->refs, 1) == 1)
        free(b);
}

static void evict_oldest(struct shard *s)
{
    struct block *b = s->oldest;
    struct block **p = bucket_of(s, key_hash(b->owner, b->offset));
    while (*p != b)
        p = &(*p)->chain;
    *p = b->chain;
    unlink_age(s, b);
    s->used -= sizeof(*b) + b->len;
    block_unref(b);
}

void cache_put(enum cache_kind kind, struct block *b)
{
    uint64_t h = key_hash(b->owner, b->offset);
    struct shard *s = shard_of(kind, h);
    pthread_mutex_lock(&s->lock);
    if (!find(s, h, b->owner, b->offset, b->len)) {
        atomic_fetch_add(&b->refs, 1);
        struct block **bucket = bucket_of(s, h);
        b->chain = *bucket;
        *bucket = b;
        link_newest(s, b);
        s->used += sizeof(*b) + b->len;
        while (s->used > shard_budget[kind] && s->oldest != b)
            evict_oldest(s);
    }
    pthread_mutex_unlock(&s->lock);
}
