/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handle.h - what a file or directory handle (fi->fh) stands for.
 *
 * The kernel has the handles; those that it still has when the session ends under a signal are
 * freed with the mount. All functions may be called from any thread.
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

struct handles { /* those of one mount */
    pthread_mutex_t lock;
    struct handle *first;     /* under lock, as are the links below, */
    struct handle *renewed;   /* those on whose image something waits (renewal.h), */
    struct renewal *renewals; /* and the threads that work for them */
    bool sweeping;            /* a thread looks for waits that end */
    pthread_cond_t swept;     /* a handle's waits were looked at */
};

struct handle {
    struct handles *all;
    struct handle *next, **at;
    struct place place;
    struct listing *listing; /* an open directory, and */
    bool listed;             /* was any of it read? */
    char *text;              /* an open text: its bytes as they were at open */
    size_t text_len;
    struct image *image; /* an open image, under handles.lock once it is opened, */
    uint64_t begin, end; /* the bytes of it that the file shows, and */
    atomic_bool failed;  /* was a failed read logged? */
    bool in_table;       /* table_image_opened */
    bool in_cows;        /* cows_open */
    struct open_image *open;
    /* Under handles.lock: */
    uint64_t ino;            /* the node of an open image; 0 before it is open */
    unsigned refs;           /* the kernel's, and that of handles.renewed */
    struct waiting *waiting; /* what waits for that, */
    struct handle *next_renewed;
    bool renewing;      /* is it among handles.renewed, */
    bool at_work;       /* and has it a thread of its own? */
    bool looked_at;     /* is its `waiting` with the sweep? Then it stays here */
    bool lost;          /* every read fails with ESTALE */
    bool seen;          /* by handles_each_gone */
    struct input input; /* under handles.lock: what was written of a document, and by whom */
    uid_t uid;
    pid_t pid;
};

void handles_init(struct handles *all);
void handles_destroy(struct handles *all); /* frees those that are left */

struct handle *handle_new(struct handles *all, const struct place *p); /* NULL without memory */
void handle_free(struct handle *h); /* gives a reference back; NULL allowed */
MEM_CLEANUP(struct handle, handle_free)

/* Its image is open by that node. */
void handle_is_open(struct handle *h, uint64_t ino);

/* Calls `see` for the node of each open image whose snapshot a delete made here has removed, once.
 */
void handles_each_gone(struct handles *all, void (*see)(void *ctx, uint64_t ino), void *ctx);

/* The image that is read now, referenced. */
struct image *handle_image(struct handle *h);

static inline struct handle *handle_of(const struct fuse_file_info *fi)
{
    return (struct handle *)(uintptr_t)fi->fh;
}

#endif
