/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ending.h - how HUP, INT and TERM end a mount: not in the middle of a change, and not before it.
 *
 * QEMU or libvirt may read a file of this very mount inside a change (a clone's backing file), so
 * the mount is served until the last change is through.
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

/* Blocks the signals for the calling thread and all that it starts; also ignores PIPE. */
void ending_block(void);

/* From now on such a signal lets the changes that run finish, refuses others, ends a recovery at
 * its next step, and then ends the session's loop, which runs in the calling thread. EAGAIN when no
 * thread can be had. */
int ending_begin(struct ending *en, struct fuse_session *session, struct tasks *tasks,
                 struct model *m, struct err *e);

/* After the loop, however it ended: waits until no change runs, and takes no signal any more. False
 * if another thread of the tasks still runs after a moment: then nothing that it uses may be freed.
 */
bool ending_finish(struct ending *en);

#endif
