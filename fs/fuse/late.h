/* SPDX-License-Identifier: GPL-3.0-or-later */
/* late.h - requests that an operation made by snapfs may fail: they are made again once it has
 * ended.
 *
 * A merge, a delete or a revert moves the files of other snapshots, which cannot be opened
 * meanwhile. Such a request waits on a thread of its own, until its caller is killed or interrupted
 * (EINTR).
 */
#ifndef SNAPFS_FUSE_LATE_H
#define SNAPFS_FUSE_LATE_H

#include "fuse/fs.h"

enum { LATE_MAX = 256 }; /* requests that wait in one mount; further ones fail at once */

struct late {
    fuse_req_t req;
    fuse_ino_t ino;           /* of the node, or of the directory of `name` */
    char *name;               /* owned once the request waits; NULL for none */
    struct fuse_file_info fi; /* of an open */
    struct place place;       /* of the node, as of the last attempt */
    bool waits;               /* the attempt is made by the thread, */
    bool needs_thread;        /* and has to be */
    /* Makes the request: 0; -errno; or CHANGES_HERE, CHANGES_ANYWHERE (reader/changes.h). */
    int (*attempt)(struct late *l, struct err *e);
    /* Replies; `r` is 0 or -errno with the sentence. */
    void (*answer)(struct late *l, int r, struct err *e);
    /* What the attempt has found: */
    struct fuse_entry_param entry;
    struct stat st;
    double st_seconds;
    struct handle *h;
    bool is_image; /* a lookup has failed for an image that cannot be read */
};

/* Makes the request, and answers it now or later. `from` is borrowed. */
void late_run(const struct late *from);

/* Tells what an attempt that has failed with `e` is to return. `disk`: of the image that could not
 * be opened; NULL: its place is not known now. */
int late_reason(struct fs *fs, const char *uuid, const struct snapshot_disk *disk,
                const struct err *e);

/* For a wait on behalf of the late `ctx`: EINTR once its caller is interrupted, ESHUTDOWN at the mount's end.
 */
int late_look(void *ctx, struct err *e);

/* Is the caller of the request killed or interrupted? The kernel tells of none where a read waits
 * for a page, or goes past its pages (O_DIRECT), so the caller's pending signals are looked at.
 * Those of a caller in another pid namespace cannot be: for it each interrupt that the kernel tells
 * of counts. */
bool late_is_interrupted(fuse_req_t req);

#endif
