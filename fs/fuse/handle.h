/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handle.h - the object behind a file or directory handle (fi->fh).
 *
 * The kernel has the handles. If the kernel still has some when a signal ends the session, snapfs
 * frees them with the mount. Any thread may call any function.
 */
#ifndef SNAPFS_FUSE_HANDLE_H
#define SNAPFS_FUSE_HANDLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "fuse/lowlevel.h"
#include "model/create/input.h"
#include "node/tree.h"

struct handle;

struct open_image;
struct renewal;
struct waiting;

struct handles { /* the handles of one mount */
    pthread_mutex_t lock;
    struct handle *first;     /* under `lock`, as are the links below */
    struct handle *renewed;   /* handles on whose image requests wait (renewal.h) */
    struct renewal *renewals; /* the threads that renew them */
    bool sweeping;            /* a thread looks for waits that end */
    pthread_cond_t swept;     /* signals that the sweep has looked at a handle's waits */
};

struct handle {
    struct handles *all;
    struct handle *next, **at;
    struct place place;
    struct listing *listing; /* of an open directory */
    bool listed;             /* some of `listing` was read */
    char *text;              /* of an open text: its bytes as at the open */
    size_t text_len;
    struct image *image; /* of an open image; under handles.lock once it is open */
    uint64_t begin, end; /* the part of the image that the file shows */
    atomic_bool failed;  /* a failed read was logged */
    bool in_table;       /* table_image_opened */
    bool in_cows;        /* cows_open */
    struct open_image *open;
    /* Under handles.lock: */
    uint64_t ino;            /* the node of an open image; 0 before the open */
    unsigned refs;           /* those of the kernel, and one of handles.renewed */
    struct waiting *waiting; /* requests that wait for the image */
    struct handle *next_renewed;
    bool renewing;      /* the handle is in handles.renewed */
    bool at_work;       /* a thread works on it */
    bool looked_at;     /* the sweep has taken `waiting`, so the handle must stay listed */
    bool lost;          /* every read fails with ESTALE */
    bool seen;          /* handles_each_gone has reported it */
    struct input input; /* under handles.lock: the part of a document so far */
    uid_t uid;
    pid_t pid;
};

void handles_init(struct handles *all);
void handles_destroy(struct handles *all); /* frees the remaining handles */

struct handle *handle_new(struct handles *all, const struct place *p); /* NULL without memory */
void handle_free(struct handle *h); /* drops a reference; NULL allowed */
MEM_CLEANUP(struct handle, handle_free)

/* Notes that the handle's image is open through that node. */
void handle_is_open(struct handle *h, uint64_t ino);

/* Calls `see` once for the node of each open image whose snapshot was deleted by snapfs. */
void handles_each_gone(struct handles *all, void (*see)(void *ctx, uint64_t ino), void *ctx);

/* Returns the handle's present image, with a reference. */
struct image *handle_image(struct handle *h);

static inline struct handle *handle_of(const struct fuse_file_info *fi)
{
    return (struct handle *)(uintptr_t)fi->fh;
}

#endif
