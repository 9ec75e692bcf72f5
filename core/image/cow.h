/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cow.h - copy on write: what was written over a disk whose own bytes never change.
 *
 * A cow has the written blocks alone, in a file without a name. Every call gets the disk below from
 * the caller, who asks it for all other bytes. Offsets and lengths are bytes of the disk, any
 * number of them. Any thread; a read sees all or nothing of a write that succeeds.
 */
#ifndef SNAPFS_IMAGE_COW_H
#define SNAPFS_IMAGE_COW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

/* The disk below. It is asked with the cow's lock held. */
struct cow_base {
    void *ctx;
    /* Fills all of `buf` with right bytes; 0 or -errno. Never asked for a byte past
     * the disk's end. */
    int (*read)(void *ctx, void *buf, size_t len, uint64_t offset, struct err *e);
    /* 0 while the disk is the one that was written over; -errno when it has gone. */
    int (*check)(void *ctx, struct err *e);
};

struct cow;

/* Over a disk of `size` bytes, with room for `most` bytes of written blocks (block_map.h). Takes
 * over `fd`, an empty file that can be read and written, also when it fails. ENOMEM. */
int cow_new(int fd, uint64_t size, uint64_t most, struct cow **ret, struct err *e);
struct cow *cow_ref(struct cow *c);
void cow_unref(struct cow *c); /* NULL allowed */
MEM_CLEANUP(struct cow, cow_unref)

/* Returns the count of bytes read, fewer than `len` only at the disk's end; or -errno: the disk's
 * own, also where all of the bytes were written; EIO. */
ssize_t cow_read(struct cow *c, const struct cow_base *base, void *buf, size_t len, uint64_t offset,
                 struct err *e);

/* Returns the count of bytes written, fewer than `len` only at the disk's end. ENOSPC: past the
 * disk's end, or past `most` (nothing was written then), or the file system of the file is full;
 * the disk's own errno; ENOMEM, EIO. Where it fails halfway, each block has its old or its new
 * bytes. */
ssize_t cow_write(struct cow *c, const struct cow_base *base, const void *buf, size_t len,
                  uint64_t offset, struct err *e);

#endif
