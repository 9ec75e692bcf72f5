/* SPDX-License-Identifier: GPL-3.0-or-later */
/* changes.h - outlasts the operations that may be why an image cannot be opened, or read on.
 *
 * A merge, a delete or a revert moves the files of snapshots that keep their bytes. What fails for
 * it succeeds once it has ended. An operation may be this process's, or that of another snapfs
 * process of the host; on the domain of the image, or on one that has a file in common with it.
 */
#ifndef SNAPFS_MODEL_READER_CHANGES_H
#define SNAPFS_MODEL_READER_CHANGES_H

#include "model/catalog/domain.h"

/* What an attempt may return beside 0 and -errno: it has failed with the caller's `e`, and why may
 * be an operation on the image's domain, or also one on any other domain. */
enum { CHANGES_HERE = 1, CHANGES_ANYWHERE = 2 };

enum { CHANGES_LOOK_MS = 50 };

struct changes {
    struct model *m;
    const char *uuid; /* of the image's domain; borrowed */
    int (*attempt)(void *ctx, struct err *e);
    /* Is asked about every CHANGES_LOOK_MS while operations are waited for; -errno ends the wait.
     */
    int (*look)(void *ctx, struct err *e);
    void *ctx;
    unsigned tries; /* attempts without an operation that may be why: one may just have ended */
};

/* Waits until no operation is under way, then attempts; again while operations may be why it fails.
 * Returns what the last attempt did, or -errno for its failure or that of `look`. */
int changes_outlast(const struct changes *c, struct err *e);

/* What is under way on the domain now. */
enum changes_now {
    CHANGES_NONE,
    CHANGES_SPARE,   /* this mount makes a snapshot, which leaves other snapshots' files alone */
    CHANGES_AT_WORK, /* what may change any file */
};

/* `disk`: of the image concerned, NULL if it is not known. A snapshot that is made may be a tag in
 * a file that has tags of others. */
enum changes_now changes_now(struct model *m, const char *uuid, const struct snapshot_disk *disk);

/* Is an operation under way on any domain? */
bool changes_anywhere(struct model *m);

/* How many operations of this process have ended, on any domain. */
uint64_t changes_ended(struct model *m);

/* Is one of another process under way on the domain, and none of this one? */
bool changes_by_others(struct model *m, const char *uuid);

#endif
