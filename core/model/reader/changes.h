/* SPDX-License-Identifier: GPL-3.0-or-later */
/* changes.h - waits for operations that may be why an image cannot be opened, or read on.
 *
 * A merge, a delete or a revert moves files of snapshots; the snapshots keep their bytes. If an
 * attempt fails because of such an operation, it succeeds after the operation has ended. The
 * operation may be one of this process, or of another snapfs process of the host. It may be on the
 * domain of the image, or on a domain that shares a file with it.
 */
#ifndef SNAPFS_MODEL_READER_CHANGES_H
#define SNAPFS_MODEL_READER_CHANGES_H

#include "model/catalog/domain.h"

/* An attempt returns one of these, 0 or -errno. It has then failed with the caller's `e`, and an
 * operation may be the cause: one on the image's domain, or one on any domain. */
enum { CHANGES_HERE = 1, CHANGES_ANYWHERE = 2 };

enum { CHANGES_LOOK_MS = 50 };

struct changes {
    struct model *m;
    const char *uuid; /* of the image's domain; borrowed */
    int (*attempt)(void *ctx, struct err *e);
    /* Called about every CHANGES_LOOK_MS while snapfs waits for operations; -errno ends the
     * wait. */
    int (*look)(void *ctx, struct err *e);
    void *ctx;
    unsigned tries; /* attempts without an operation to explain it; one may just have ended */
};

/* Waits until no operation is under way on the image's domain, then attempts. Attempts again while
 * an operation may be the cause of the failure. Returns what the last attempt returned, or -errno
 * of its failure or of `look`. */
int changes_outlast(const struct changes *c, struct err *e);

/* The operation that is under way on the domain now. */
enum changes_now {
    CHANGES_NONE,
    CHANGES_SPARE,   /* this mount makes a snapshot, which leaves other snapshots' files alone */
    CHANGES_AT_WORK, /* an operation that may change any file */
};

/* Finds out what is under way on the domain. `disk` is the image's disk, or NULL if it is not
 * known. A snapshot that is being made may be a tag in a file that holds other tags. */
enum changes_now changes_now(struct model *m, const char *uuid, const struct snapshot_disk *disk);

/* Returns whether an operation is under way on any domain. */
bool changes_anywhere(struct model *m);

/* Returns how many operations of this process have ended, on any domain. */
uint64_t changes_ended(struct model *m);

#endif
