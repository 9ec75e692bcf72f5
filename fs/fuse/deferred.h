/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deferred.h - requests that wait for an operation by snapfs.
 *
 * A merge, a delete or a revert moves the files of other snapshots, which then cannot be opened. A
 * request for such a file is tried again after the operation. It waits on a thread of its own, until
 * its caller is killed or interrupted (EINTR).
 */
#ifndef SNAPFS_FUSE_DEFERRED_H
#define SNAPFS_FUSE_DEFERRED_H

#include "fuse/fs.h"

enum { DEFERRED_MAX = 256 }; /* requests that wait in one mount; further ones fail at once */

struct deferred {
    fuse_req_t req;
    fuse_ino_t ino;           /* of the node, or of the directory of `name` */
    char *name;               /* owned once the request waits; NULL for none */
    struct fuse_file_info fi; /* of an open */
    struct place place;       /* of the node, as of the last try */
    bool waits;               /* the thread makes the attempt */
    bool needs_thread;        /* the thread must make the attempt */
    /* Makes the request. Returns 0, -errno, CHANGES_HERE or CHANGES_ANYWHERE (reader/changes.h). */
    int (*attempt)(struct deferred *l, struct err *e);
    /* Replies; `r` is 0 or -errno with the sentence. */
    void (*answer)(struct deferred *l, int r, struct err *e);
    /* Results of the attempt: */
    struct fuse_entry_param entry;
    struct stat st;
    double st_seconds;
    struct handle *h;
    bool is_image; /* a lookup found an image that cannot be read */
};

/* Makes the request, and answers it now or later. Copies `from` if the request waits. */
void deferred_run(const struct deferred *from);

/* Chooses the result of an attempt that failed with `e`. `disk` is the disk of the image that could
 * not be opened; NULL if its place is not known now. */
int deferred_reason(struct fs *fs, const char *uuid, const struct snapshot_disk *disk,
                    const struct err *e);

/* Checks a wait for the request `ctx` (struct deferred). Fails with EINTR if its caller is interrupted, with ESHUTDOWN
 * at the mount's end. */
int deferred_look(void *ctx, struct err *e);

#endif
