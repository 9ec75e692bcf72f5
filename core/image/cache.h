/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cache.h - bounded caches of immutable blocks: pages of tables and decompressed clusters.
 *
 * Keys are (owner, offset, length). An owner is one opened layer, never a file, because offsets in
 * a file are reused. Each cache has 16 shards with a lock each. A thread holds that lock for a
 * lookup or an insertion, never while it reads or decompresses. The locks are leaves. A block
 * counts its references, and its bytes do not change once it is in the cache. All blocks are in the
 * budget (base/budget.h). Each cache uses at most its part of the budget, and less if others need
 * memory.
 */
#ifndef SNAPFS_IMAGE_CACHE_H
#define SNAPFS_IMAGE_CACHE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

enum { CACHE_ANY_LENGTH = 0 };

enum cache_kind { CACHE_TABLES, CACHE_CLUSTERS, CACHE_KINDS };

struct block {
    struct block *chain, *newer, *older; /* of the shard */
    uint64_t owner, offset;
    size_t len;
    _Atomic unsigned refs;
    _Alignas(8) uint8_t data[];
};

/* Returns a new owner. An owner is never given out twice. */
uint64_t cache_owner(void);

/* Returns the block with a new reference, or NULL. The length tells apart an owner's blocks at one
 * offset. It need not be known if there can be only one block. */
struct block *cache_get(enum cache_kind kind, uint64_t owner, uint64_t offset, size_t len);

/* Makes a block to fill, owned by the caller. NULL if there is no memory. */
struct block *block_new(uint64_t owner, uint64_t offset, size_t len);

/* Puts a filled block in, and evicts old blocks if the cache has more than its part of the budget.
 * The caller keeps its reference. */
void cache_put(enum cache_kind kind, struct block *b);

void block_unref(struct block *b); /* NULL allowed */
MEM_CLEANUP(struct block, block_unref)

#endif
