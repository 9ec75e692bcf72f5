/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cache.h - bounded caches of immutable blocks: pages of tables and decompressed clusters.
 *
 * Keys are (owner, offset, length); an owner is one opened layer, never a file, because offsets in
 * a file are reused. Each cache has 16 shards with a lock each, held for a lookup or an insertion
 * and never while reading or decompressing; the locks are leaves. A block is counted by reference
 * and its bytes do not change once it was put in. All blocks are in the budget (base/budget.h), of
 * which either cache has its part at most, and less when others need it.
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

/* A fresh owner, never given out twice. */
uint64_t cache_owner(void);

/* The block, referenced, or NULL. The length tells an owner's blocks at one offset apart; where
 * there can be only one, it need not be known. */
struct block *cache_get(enum cache_kind kind, uint64_t owner, uint64_t offset, size_t len);

/* A block to fill, owned by the caller; NULL when memory runs out. */
struct block *block_new(uint64_t owner, uint64_t offset, size_t len);

/* Puts a filled block in, evicting old ones past the cache's part of the budget. The caller keeps
 * its reference. */
void cache_put(enum cache_kind kind, struct block *b);

void block_unref(struct block *b); /* NULL allowed */
MEM_CLEANUP(struct block, block_unref)

#endif
