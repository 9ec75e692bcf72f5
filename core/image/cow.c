/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cow.c - see cow.h.
 *
 * Before a part of a new block is written, the block is filled from the disk below. The block
 * belongs to the cow only after all of it is in the file. Lock: readers share `lock`. It is also
 * held while the disk below is read, because two writers may fill the same block.
 */
#include "image/cow.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/io.h"
#include "image/block_map.h"

struct cow {
    pthread_rwlock_t lock; /* guards `map` and the bytes of the file */
    atomic_uint refs;
    int fd;
    uint64_t size, most;
    struct block_map *map;
};

/* Makes a lock that prefers writers; else readers that never pause could starve a writer. */
static void init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &attr);
    pthread_rwlockattr_destroy(&attr);
}

int cow_new(int fd, uint64_t size, uint64_t most, struct cow **ret, struct err *e)
{
    struct cow *c = calloc(1, sizeof(*c));
    struct block_map *map = block_map_new();
    if (!c || !map) {
        block_map_free(map);
        free(c);
        close(fd);
        return err_nomem(e);
    }
    *c = (struct cow){.refs = 1, .fd = fd, .size = size, .most = most, .map = map};
    init_lock(&c->lock);
    *ret = c;
    return 0;
}

struct cow *cow_ref(struct cow *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void cow_unref(struct cow *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    close(c->fd);
    block_map_free(c->map);
    pthread_rwlock_destroy(&c->lock);
    free(c);
}

/* ---- the file ---- */

static int get(const struct cow *c, char *buf, size_t len, uint64_t at, struct err *e)
{
    ssize_t n = io_pread(c->fd, buf, len, at);
    if (n == (ssize_t)len)
        return 0;
    return err_fail(e, EIO, "cannot read back what was written to the view: %s",
                    n < 0 ? strerrordesc_np(errno) : "the file is too short");
}

/* Turns the file's own limits into ENOSPC, because they also limit the available room. */
static int full_or(int no)
{
    return no == EDQUOT || no == EFBIG ? ENOSPC : no;
}

static int put(const struct cow *c, const char *buf, size_t len, uint64_t at, struct err *e)
{
    if (io_pwrite(c->fd, buf, len, at) == 0)
        return 0;
    return err_fail(e, full_or(errno),
                    "cannot keep what is written to the view in the state directory: %s",
                    strerrordesc_np(errno));
}

/* ---- pieces: from `offset` on, up to the end of a run of blocks ---- */

/* Counts the blocks that have these bytes. The last block counts even if the bytes end inside it.
 * */
static uint64_t blocks_of(size_t len, uint64_t offset)
{
    return (offset % BLOCK_BYTES + len + BLOCK_BYTES - 1) / BLOCK_BYTES;
}

static size_t piece_length(const struct block_run *run, size_t len, uint64_t offset)
{
    return (size_t)min_u64(len, run->n * BLOCK_BYTES - offset % BLOCK_BYTES);
}

static ssize_t read_piece(const struct cow *c, const struct cow_base *base, char *buf, size_t len,
                          uint64_t offset, bool *ret_own, struct err *e)
{
    struct block_run run = block_map_run(c->map, offset / BLOCK_BYTES, blocks_of(len, offset));
    size_t n = piece_length(&run, len, offset);
    *ret_own |= run.written;
    int r = run.written ? get(c, buf, n, run.home * BLOCK_BYTES + offset % BLOCK_BYTES, e)
                        : base->read(base->ctx, buf, n, offset, e);
    return r < 0 ? r : (ssize_t)n;
}

ssize_t cow_read(struct cow *c, const struct cow_base *base, void *buf, size_t len, uint64_t offset,
                 struct err *e)
{
    char *p = buf;
    size_t done = 0;
    ssize_t n = 0;
    bool own = false;
    len = (size_t)min_u64(len, c->size - min_u64(offset, c->size));
    pthread_rwlock_rdlock(&c->lock);
    for (; done < len && n >= 0; done += n > 0 ? (size_t)n : 0)
        n = read_piece(c, base, p + done, len - done, offset + done, &own, e);
    pthread_rwlock_unlock(&c->lock);
    if (n >= 0 && own)
        n = base->check(base->ctx, e);
    return n < 0 ? n : (ssize_t)len;
}

/* Returns the bytes of the disk in this block: fewer in the disk's last block. */
static size_t block_length(const struct cow *c, uint64_t block)
{
    return (size_t)min_u64(BLOCK_BYTES, c->size - block * BLOCK_BYTES);
}

/* Writes a part of a block that was not written yet. The block's place is `home`. */
static ssize_t write_part(struct cow *c, const struct cow_base *base, const char *buf, size_t len,
                          uint64_t offset, uint64_t home, struct err *e)
{
    char bytes[BLOCK_BYTES];
    uint64_t block = offset / BLOCK_BYTES, in = offset % BLOCK_BYTES;
    size_t whole = block_length(c, block), n = (size_t)min_u64(len, whole - in);
    int r = base->read(base->ctx, bytes, whole, block * BLOCK_BYTES, e);
    if (r < 0)
        return r;
    memcpy(bytes + in, buf, n);
    r = put(c, bytes, whole, home * BLOCK_BYTES, e);
    if (r < 0)
        return r;
    block_map_set(c->map, block, 1);
    return (ssize_t)n;
}

/* Writes whole blocks, at most `run` of them, that were not written yet. */
static ssize_t write_whole(struct cow *c, const char *buf, size_t len, uint64_t block, uint64_t run,
                           uint64_t home, struct err *e)
{
    bool to_end = block * BLOCK_BYTES + len == c->size;
    uint64_t n = min_u64(run, to_end ? blocks_of(len, 0) : len / BLOCK_BYTES);
    size_t bytes = (size_t)min_u64(len, n * BLOCK_BYTES);
    int r = put(c, buf, bytes, home * BLOCK_BYTES, e);
    if (r < 0)
        return r;
    block_map_set(c->map, block, n);
    return (ssize_t)bytes;
}

static ssize_t write_piece(struct cow *c, const struct cow_base *base, const char *buf, size_t len,
                           uint64_t offset, struct err *e)
{
    uint64_t block = offset / BLOCK_BYTES, home = 0, in = offset % BLOCK_BYTES;
    struct block_run run = block_map_run(c->map, block, blocks_of(len, offset));
    if (run.written) {
        size_t n = piece_length(&run, len, offset);
        int r = put(c, buf, n, run.home * BLOCK_BYTES + in, e);
        return r < 0 ? r : (ssize_t)n;
    }
    int r = block_map_place(c->map, block, &home, e);
    if (r < 0)
        return r;
    if (in || len < block_length(c, block))
        return write_part(c, base, buf, len, offset, home, e);
    return write_whole(c, buf, len, block, run.n, home, e);
}

/* Checks that there is room for the blocks that the write adds. */
static int check_room(const struct cow *c, size_t len, uint64_t offset, struct err *e)
{
    uint64_t missing = block_map_missing(c->map, offset / BLOCK_BYTES, blocks_of(len, offset));
    uint64_t most = c->most / BLOCK_BYTES;
    if (block_map_count(c->map) + missing <= most)
        return 0;
    return err_fail(
        e, ENOSPC,
        "the file holds %ju MiB of writes at most; to write more, mount with a larger 'cow='",
        (uintmax_t)(c->most >> 20));
}

ssize_t cow_write(struct cow *c, const struct cow_base *base, const void *buf, size_t len,
                  uint64_t offset, struct err *e)
{
    const char *p = buf;
    size_t done = 0;
    if (!len)
        return 0;
    if (offset >= c->size)
        return err_fail(e, ENOSPC, "the disk ends at byte %ju", (uintmax_t)c->size);
    len = (size_t)min_u64(len, c->size - offset);
    int r = base->check(base->ctx, e);
    if (r < 0)
        return r;
    pthread_rwlock_wrlock(&c->lock);
    ssize_t n = check_room(c, len, offset, e);
    for (; done < len && n >= 0; done += n > 0 ? (size_t)n : 0)
        n = write_piece(c, base, p + done, len - done, offset + done, e);
    pthread_rwlock_unlock(&c->lock);
    return n < 0 ? n : (ssize_t)len;
}
