/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs.h - the state of one mount, and functions shared by its requests.
 *
 * These locks are leaves, and none is held over a reply, a notification or a libvirt call:
 * table.lock, bar.lock, tasks.lock, handles.lock, cows.lock, walks.lock. The model has its own
 * locks.
 */
#ifndef SNAPFS_FUSE_FS_H
#define SNAPFS_FUSE_FS_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "fuse/handle.h"
#include "fuse/lowlevel.h"
#include "fuse/tasks.h"
#include "fuse/walks.h"
#include "node/cows.h"
#include "node/table.h"
#include "node/tree.h"

struct fs {
    struct tree tree;
    struct table *table;
    struct tasks tasks;
    struct handles handles;
    struct cows cows;
    struct walks walks;
    atomic_uint n_deferred;       /* requests that wait (deferred.h) */
    struct fuse_session *session; /* for notifications; set before the first request */
    uint32_t max_read;            /* bytes the kernel may ask for at a time; fixed at the mount */
    double cache;                 /* seconds the kernel may keep data that never changes */
    uint32_t generation;      /* of every node: random, so that no file handle outlives a mount */
    char device[32];          /* MAJOR:MINOR of the mount, for its read-ahead; "" if unknown */
    atomic_flag ahead_raised; /* read_ahead_kb was written */
};

/* ---- shared by the requests ---- */

static inline struct fs *fs_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

/* Returns the seconds from now until `until`, 0 if it has passed. */
double fs_seconds_until(uint64_t until);

/* Returns the view of a node, and its present place. ESTALE. */
int fs_view(struct fs *fs, fuse_ino_t ino, struct place *ret_place, struct view *ret,
            struct err *e);

/* Fills an entry, and adds one lookup to its node. */
int fs_entry(struct fs *fs, const struct view *v, uint64_t entry_until,
             struct fuse_entry_param *ret, struct err *e);

/* Replies with an entry. If the reply fails, takes its lookup back. */
void fs_reply_entry(fuse_req_t req, const struct fuse_entry_param *entry);

#endif
