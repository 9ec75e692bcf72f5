/* fs.h - the state of one mount, and what its requests share.
 *
 * Locks, each a leaf, none held over a reply, a notification or a libvirt call: table.lock,
 * bar.lock, tasks.lock. The model has its own.
 */
#ifndef SNAPFS_FUSE_FS_H
#define SNAPFS_FUSE_FS_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "fuse/lowlevel.h"
#include "fuse/tasks.h"
#include "node/table.h"
#include "node/tree.h"

struct fs {
    struct tree tree;
    struct table *table;
    struct tasks tasks;
    struct fuse_session *session; /* for notifications; set before the first request */
    double cache;             /* seconds that what never changes may be kept by the kernel */
    char device[32];          /* MAJOR:MINOR of the mount, for its read-ahead; "" unknown */
    atomic_flag ahead_raised; /* read_ahead_kb was written */
};

/* What a file or directory handle (fi->fh) stands for. */
struct handle {
    struct place place;
    struct listing *listing; /* an open directory, and */
    bool listed;             /* was any of it read? */
    char *text;              /* an open text: its bytes as they were at open */
    size_t text_len;
    struct image *image; /* an open image, and */
    atomic_bool failed;  /* was a failed read logged? */
};

struct handle *handle_new(const struct place *p); /* NULL without memory */
void handle_free(struct handle *h);               /* NULL allowed */
MEM_CLEANUP(struct handle, handle_free)

static inline struct handle *handle_of(const struct fuse_file_info *fi)
{
    return (struct handle *)(uintptr_t)fi->fh;
}

/* ---- shared by the requests ---- */

static inline struct fs *fs_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

/* Seconds from now until `until`, 0 when past. */
double fs_seconds_until(uint64_t until);

/* Fills an entry, with one lookup more on its node. */
int fs_entry(struct fs *fs, const struct view *v, uint64_t entry_until,
             struct fuse_entry_param *ret, struct err *e);

/* Replies with an entry, or takes its lookup back. */
void fs_reply_entry(fuse_req_t req, const struct fuse_entry_param *entry);

#endif
