/* SPDX-License-Identifier: GPL-3.0-or-later */
/* target.h - the file or block device that --output writes.
 *
 * A regular file is shorter than the copy until target_finish, so that a copy that was cut off, be
 * it by SIGKILL, never looks like a whole one. While it is open no QEMU can use it, nor another
 * snapfs-cat. target_write and target_zero may run in any number of threads.
 */
#ifndef SNAPFS_IMAGE_CAT_TARGET_H
#define SNAPFS_IMAGE_CAT_TARGET_H

#include "image/cat/options.h"

struct target {
    const char *name;
    int fd;
    uint64_t size; /* bytes of the whole copy */
    bool device;   /* a block device: it has no holes, and cannot be removed */
    bool made;     /* by us, and locked before anybody else had it */
    bool begun;    /* what was there before is lost */
};

/* Opens or makes o->output for a copy of `size` bytes; nothing in it is touched yet. EINVAL: of
 * another kind, or a file of the image's own chain; EBUSY: in use, which leaves it as it is; ENOSPC,
 * EFBIG: it cannot hold that. target_close in any case. */
int target_open(struct target *t, const struct cat_options *o, uint64_t size, struct err *e);

/* What was in it goes; the part of it that the copy takes reads as zeros then, but on a device. */
int target_begin(struct target *t, struct err *e);

/* The bytes of the file that may be written before target_finish is about to be called. */
uint64_t target_body(const struct target *t);

int target_write(const struct target *t, const char *p, size_t len, uint64_t offset, struct err *e);

/* Makes a range that was not written read as zeros. */
int target_zero(const struct target *t, uint64_t offset, uint64_t len, struct err *e);

/* All was written: the size becomes right, and what the system still has to say is heard. ESTALE:
 * the name leads to that file no more. */
int target_finish(struct target *t, struct err *e);

/* After a failure: removes what was made, empties what was overwritten. What became of it is added
 * to the sentence in `e`. */
void target_abandon(struct target *t, struct err *e);

void target_close(struct target *t);

#endif
