/* SPDX-License-Identifier: GPL-3.0-or-later */
/* target.h - the file or block device that --output writes.
 *
 * A regular file is shorter than the copy until target_finish. So a copy that was cut off, even by
 * SIGKILL, never looks whole. While it is open no QEMU can use it, and no other snapfs-cat. Any
 * number of threads may run target_write and target_zero.
 */
#ifndef SNAPFS_IMAGE_CAT_TARGET_H
#define SNAPFS_IMAGE_CAT_TARGET_H

#include "image/cat/options.h"

struct target {
    const char *name;
    int fd;
    uint64_t size; /* bytes of the whole copy */
    bool device;   /* a block device: it has no holes, and cannot be removed */
    bool made;     /* snapfs-cat made it, and locked it first */
    bool begun;    /* its old data is lost */
};

/* Opens or makes o->output for a copy of `size` bytes, without a change to its data. EINVAL if it
 * is of another kind, or a file of the image's own chain. EBUSY if it is in use; it is then left as
 * it is. ENOSPC or EFBIG if it cannot have that many bytes. Call target_close in any case. */
int target_open(struct target *t, const struct cat_options *o, uint64_t size, struct err *e);

/* Discards the old data. The part for the copy then reads as zeros, except on a device. */
int target_begin(struct target *t, struct err *e);

/* Returns how many bytes of the file may be written before target_finish is about to be called. */
uint64_t target_body(const struct target *t);

int target_write(const struct target *t, const char *p, size_t len, uint64_t offset, struct err *e);

/* Makes a range that was not written read as zeros. */
int target_zero(const struct target *t, uint64_t offset, uint64_t len, struct err *e);

/* Gives the file its size after all bytes are written, and collects late write errors. ESTALE if
 * the name no longer leads to that file. */
int target_finish(struct target *t, struct err *e);

/* Undoes after a failure: removes a file that was made, empties a file that was overwritten. It
 * adds the result to the sentence in `e`. */
void target_abandon(struct target *t, struct err *e);

void target_close(struct target *t);

#endif
