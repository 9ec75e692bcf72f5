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

struct handles { /* those of one mount */
    pthread_mutex_t lock;
    struct handle *first; /* under lock, as are the links below */
};

struct handle {
    struct handles *all;
    struct handle *next, **at;
    struct place place;
    struct listing *listing; /* an open directory, and */
    bool listed;             /* was any of it read? */
    char *text;              /* an open text: its bytes as they were at open */
    size_t text_len;
    struct image *image; /* an open image, */
    uint64_t begin, end; /* the bytes of it that the file shows, and */
    atomic_bool failed;  /* was a failed read logged? */
    bool in_table;       /* table_image_opened */
    bool in_cows;        /* cows_open */
    struct draft draft;  /* under handles.lock: what was written of a document, and by whom */
    uid_t uid;
    pid_t pid;
};

void handles_init(struct handles *all);
void handles_destroy(struct handles *all); /* frees those that are left */

struct handle *handle_new(struct handles *all, const struct place *p); /* NULL without memory */
void handle_free(struct handle *h);                                    /* NULL allowed */
MEM_CLEANUP(struct handle, handle_free)

static inline struct handle *handle_of(const struct fuse_file_info *fi)
{
    return (struct handle *)(uintptr_t)fi->fh;
}

#endif
