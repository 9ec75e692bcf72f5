/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cow.h - copy on write: data written over a disk whose own bytes never change.
 *
 * A cow keeps only the written blocks, in a file without a name. Every call gets the disk below
 * from the caller, and reads all other bytes from it. Offsets and lengths are any numbers of bytes
 * of the disk. Any thread may call. A read sees all of a write that succeeds, or nothing.
 */
#ifndef SNAPFS_IMAGE_COW_H
#define SNAPFS_IMAGE_COW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

/* The disk below. Its functions are called with the cow's lock held. */
struct cow_base {
    void *ctx;
    /* Fills all of `buf`; returns 0 or -errno. Never called for a byte past the disk's end. */
    int (*read)(void *ctx, void *buf, size_t len, uint64_t offset, struct err *e);
    /* Returns 0 while the disk is the one that the cow was made for, -errno if the disk has gone.
     * */
    int (*check)(void *ctx, struct err *e);
};

struct cow;

/* Makes a cow over a disk of `size` bytes, with room for `most` bytes of written blocks
 * (block_map.h). Takes over `fd`, even if it fails. `fd` is an empty file, open for reading and
 * writing. Fails with ENOMEM. */
int cow_new(int fd, uint64_t size, uint64_t most, struct cow **ret, struct err *e);
struct cow *cow_ref(struct cow *c);
void cow_unref(struct cow *c); /* NULL allowed */
MEM_CLEANUP(struct cow, cow_unref)

/* Returns the number of bytes read, fewer than `len` only at the disk's end; or -errno. It fails
 * with EIO, or with the disk's own errno. The disk's errno counts even if all of the bytes are in
 * written blocks. */
ssize_t cow_read(struct cow *c, const struct cow_base *base, void *buf, size_t len, uint64_t offset,
                 struct err *e);

/* Returns the number of bytes written, fewer than `len` only at the disk's end; or -errno:
 * - ENOSPC past the disk's end, or if the file's file system is full;
 * - ENOSPC if the write would exceed `most`; nothing was written then;
 * - the disk's own errno, ENOMEM or EIO.
 *
 * If a write fails halfway, each block has its old or its new bytes. */
ssize_t cow_write(struct cow *c, const struct cow_base *base, const void *buf, size_t len,
                  uint64_t offset, struct err *e);

#endif
