/* SPDX-License-Identifier: GPL-3.0-or-later */
/* block_map.c - see block_map.h. The map is an array of chunks, in the order of their places in the
 * file. A hash table with open addressing has the indexes into that array. */
#include "image/block_map.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/hash.h"

struct chunk {
    uint64_t number;  /* of the disk's chunk */
    uint64_t written; /* one bit per block */
};

/* The table has two slots for each chunk that fits the array, so a search always ends. */
struct block_map {
    struct chunk *chunks;
    uint32_t *slots; /* an index + 1; 0: free */
    uint64_t n, cap; /* of chunks; cap is a power of 2 */
    uint64_t count;  /* blocks written */
    uint64_t seed;   /* of the hash: a writer cannot choose numbers that collide */
};

enum { START_CHUNKS = 16, SLOTS = 2 };
#define CHUNKS_MAX (UINT64_C(1) << 31)

static uint64_t size_of(uint64_t cap)
{
    return cap * (sizeof(struct chunk) + SLOTS * sizeof(uint32_t));
}

struct block_map *block_map_new(void)
{
    struct block_map *m = calloc(1, sizeof(*m));
    if (m && getrandom(&m->seed, sizeof(m->seed), GRND_NONBLOCK) != sizeof(m->seed))
        m->seed = clock_ns();
    return m;
}

void block_map_free(struct block_map *m)
{
    if (!m)
        return;
    budget_give(size_of(m->cap));
    free(m->chunks);
    free(m->slots);
    free(m);
}

/* Finds the slot that has the chunk of that number, or the free slot that the chunk would get. */
static uint32_t *find_slot(const struct block_map *m, uint64_t number)
{
    uint64_t mask = m->cap * SLOTS - 1;
    uint64_t i = hash_end(hash_u64(m->seed, number)) & mask;
    while (m->slots[i] && m->chunks[m->slots[i] - 1].number != number)
        i = (i + 1) & mask;
    return &m->slots[i];
}

/* Returns the chunk's index, or -1. */
static int64_t find(const struct block_map *m, uint64_t number)
{
    return m->cap ? (int64_t)*find_slot(m, number) - 1 : -1;
}

static int grow(struct block_map *m, struct err *e)
{
    uint64_t cap = m->cap ? m->cap * 2 : START_CHUNKS;
    if (cap > CHUNKS_MAX)
        return err_nomem(e);
    int r = budget_take(size_of(cap) - size_of(m->cap), e);
    if (r < 0)
        return r;
    struct chunk *chunks = reallocarray(m->chunks, cap, sizeof(*chunks));
    uint32_t *slots = calloc(cap * SLOTS, sizeof(*slots));
    if (chunks)
        m->chunks = chunks;
    if (!chunks || !slots) {
        free(slots);
        budget_give(size_of(cap) - size_of(m->cap));
        return err_nomem(e);
    }
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
    for (uint64_t i = 0; i < m->n; i++)
        *find_slot(m, m->chunks[i].number) = (uint32_t)(i + 1);
    return 0;
}

struct block_run block_map_run(const struct block_map *m, uint64_t block, uint64_t most)
{
    unsigned first = (unsigned)(block % CHUNK_BLOCKS);
    int64_t at = find(m, block / CHUNK_BLOCKS);
    uint64_t bits = at < 0 ? 0 : m->chunks[at].written >> first;
    struct block_run run = {.written = bits & 1};
    uint64_t ends = run.written ? ~bits : bits; /* its lowest bit is where the run ends */
    uint64_t n = ends ? (uint64_t)__builtin_ctzll(ends) : CHUNK_BLOCKS;
    run.n = min_u64(min_u64(n, CHUNK_BLOCKS - first), most);
    run.home = run.written ? (uint64_t)at * CHUNK_BLOCKS + first : 0;
    return run;
}

int block_map_place(struct block_map *m, uint64_t block, uint64_t *ret_home, struct err *e)
{
    uint64_t number = block / CHUNK_BLOCKS;
    int64_t at = find(m, number);
    if (at < 0) {
        int r = m->n == m->cap ? grow(m, e) : 0;
        if (r < 0)
            return r;
        at = (int64_t)m->n++;
        m->chunks[at] = (struct chunk){.number = number};
        *find_slot(m, number) = (uint32_t)m->n;
    }
    *ret_home = (uint64_t)at * CHUNK_BLOCKS + block % CHUNK_BLOCKS;
    return 0;
}

void block_map_set(struct block_map *m, uint64_t block, uint64_t n)
{
    uint64_t bits = n < CHUNK_BLOCKS ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
    struct chunk *c = &m->chunks[find(m, block / CHUNK_BLOCKS)];
    bits = bits << block % CHUNK_BLOCKS & ~c->written;
    c->written |= bits;
    m->count += (uint64_t)__builtin_popcountll(bits);
}

uint64_t block_map_missing(const struct block_map *m, uint64_t block, uint64_t n)
{
    uint64_t missing = 0;
    while (n) {
        struct block_run run = block_map_run(m, block, n);
        missing += run.written ? 0 : run.n;
        block += run.n;
        n -= run.n;
    }
    return missing;
}

uint64_t block_map_count(const struct block_map *m)
{
    return m->count;
}
