/* SPDX-License-Identifier: GPL-3.0-or-later */
/* block_map.h - the blocks of a disk that were written, and their places in a file.
 *
 * Blocks are kept by chunks of CHUNK_BLOCKS. The first write into a chunk gives the chunk the next
 * free place in the file, so the file is sparse. The map's size depends on the written blocks,
 * never on the disk's size: at most 24 bytes a chunk. The memory is counted in the budget. No
 * locks: the caller holds one.
 */
#ifndef SNAPFS_IMAGE_BLOCK_MAP_H
#define SNAPFS_IMAGE_BLOCK_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

enum {
    BLOCK_BYTES = 4096,
    CHUNK_BLOCKS = 64 /* bits in a chunk's bitmap */
};

struct block_map;

struct block_map *block_map_new(void);    /* NULL without memory */
void block_map_free(struct block_map *m); /* NULL allowed */
MEM_CLEANUP(struct block_map, block_map_free)

/* A run of blocks inside one chunk that are all written, or all not written. */
struct block_run {
    uint64_t n; /* at least 1 */
    bool written;
    uint64_t home; /* if written: the number of the first block in the file */
};

/* Returns the run that begins with `block`. It has at most `most` blocks; `most` is not 0. */
struct block_run block_map_run(const struct block_map *m, uint64_t block, uint64_t most);

/* Gives the block's chunk a place in the file if it has none. *ret_home gets the block's number in
 * the file. The block does not count as written yet. If it fails with ENOMEM, nothing was changed.
 * */
int block_map_place(struct block_map *m, uint64_t block, uint64_t *ret_home, struct err *e);

/* Marks `n` blocks from `block` on as written. They must all be in one chunk that has its place. */
void block_map_set(struct block_map *m, uint64_t block, uint64_t n);

/* Counts the blocks among `n` blocks from `block` on that are not written. */
uint64_t block_map_missing(const struct block_map *m, uint64_t block, uint64_t n);

/* Counts all written blocks. */
uint64_t block_map_count(const struct block_map *m);

#endif
