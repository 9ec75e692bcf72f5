/* SPDX-License-Identifier: GPL-3.0-or-later */
/* task.h - a request of a user, from its beginning to its end, and whether it is still wanted.
 *
 * A task has its thread to itself as long as it lasts. Code on the thread finds it with task_check
 * and task_mine. It finds none if no user asked, as in a recovery at the start.
 *
 * The thread that waits for the task may say that it is unwanted. If the work has not begun, it is
 * then given up; if libvirt can abort it, it is aborted. Both fail with EINTR, with nothing left.
 * All other work runs to its end, and has its true result.
 *
 * Locks: activity->lock guards the members that say so; activity->turned signals each change.
 */
#ifndef SNAPFS_MODEL_ACTIVITY_TASK_H
#define SNAPFS_MODEL_ACTIVITY_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct model;
struct work;

struct task {
    struct model *m;
    const char *name;  /* "mkdir"; borrowed */
    const char *path;  /* its path below the mountpoint; borrowed */
    struct work *work; /* of the domain that it works on, NULL: none; only its thread uses
                          it */
    /* under activity->lock: */
    bool unwanted, over;
    const char *uuid; /* of the domain, while a create that may be aborted is under way */
    uint64_t since;   /* when that snapshot began; CLOCK_MONOTONIC, ns */
    bool aborting;    /* a call that tells libvirt to abort is under way */
};

/* Begin and end the task of the calling thread, on the same thread. */
void task_begin(struct task *t, struct model *m, const char *name, const char *path);
void task_end(struct task *t);

/* Returns the task of the calling thread; NULL for none. */
struct task *task_mine(void);

/* ---- for the procedures ---- */

/* Checks that the thread's task is still wanted; else EINTR. As long as something may still be
 * given up, call it between two steps, and again and again during a long step. */
int task_check(struct err *e);

/* Waits for so many milliseconds, or until the task is unwanted: EINTR. */
int task_rest(unsigned ms, struct err *e);

/* task_may_abort notes that the next call makes a snapshot of the domain, and that libvirt can
 * abort this call. task_past_abort notes that the call has ended. From then on nothing aborts
 * it. */
void task_may_abort(const char *uuid);
void task_past_abort(void);

/* ---- for the thread that asked, while the task may be over ---- */

/* Waits for so many milliseconds. Returns false once the task is over. */
bool task_wait(struct task *t, unsigned ms);

/* Notes that the task is unwanted. Returns when it is over. */
void task_unwanted(struct task *t);
bool task_is_unwanted(struct task *t);

#endif
