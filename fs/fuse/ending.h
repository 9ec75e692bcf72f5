/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ending.h - ends a mount on HUP, INT and TERM, but only after the changes that run.
 *
 * QEMU or libvirt may read a file of this very mount during a change (a clone's backing file). So
 * the mount is served until the last change has ended.
 */
#ifndef SNAPFS_FUSE_ENDING_H
#define SNAPFS_FUSE_ENDING_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "fuse/lowlevel.h"
#include "fuse/tasks.h"

struct ending {
    struct fuse_session *session;
    struct tasks *tasks;
    struct model *model;
    pthread_t waiter, main;
    pthread_mutex_t lock;    /* a leaf */
    pthread_cond_t finished; /* over was set */
    bool over;               /* the session's loop has ended */
};

/* Blocks the signals for the calling thread and all threads that it starts; also ignores PIPE and
 * XFSZ. */
void ending_block(void);

/* Begins to handle the signals. After a signal, running changes finish, new changes are refused,
 * and a recovery ends at its next step. Then the session's loop ends, which runs in the calling
 * thread. If no thread can be started, it fails with EAGAIN. */
int ending_begin(struct ending *en, struct fuse_session *session, struct tasks *tasks,
                 struct model *m, struct err *e);

/* Waits until no change runs, and stops handling signals. Call it after the loop has ended, for any
 * reason. Returns false if another thread of the tasks still runs after a moment. The caller must
 * then free nothing that this thread uses. */
bool ending_finish(struct ending *en);

#endif
