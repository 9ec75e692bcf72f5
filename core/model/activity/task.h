/* SPDX-License-Identifier: GPL-3.0-or-later */
/* task.h - what somebody asked for, from when it began to its end, and whether he wants it no more.
 *
 * A task runs on one thread, which is its own as long as it lasts; whatever runs there finds it
 * with task_check and task_mine, and none where nobody asked, as in a recovery at the start.
 * Whoever waits may say that it is unwanted. What has not begun is then given up, and what libvirt
 * can abort is aborted: both fail with EINTR, with nothing left. All else runs to its end, and has
 * its true result.
 *
 * Locks: activity->lock guards what is said to be under it; activity->turned tells of each change.
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
    const char *name;  /* "mkdir", and */
    const char *path;  /* what of, below the mountpoint; both borrowed */
    struct work *work; /* of the domain that it is at work on, NULL: none; its thread's alone */
    /* under activity->lock: */
    bool unwanted, over;
    const char *uuid; /* of a domain on which a snapshot is being made that may be aborted, and */
    uint64_t since;   /* when that began; CLOCK_MONOTONIC, ns */
    bool aborting;    /* libvirt is being told */
};

/* The calling thread is at this task from here to task_end, on the same thread. */
void task_begin(struct task *t, struct model *m, const char *name, const char *path);
void task_end(struct task *t);

/* Of the calling thread; NULL for none. */
struct task *task_mine(void);

/* ---- for the procedures ---- */

/* Is the thread's task still wanted? EINTR when it is not. Between two steps, and while one takes
 * its time, as often as something may still be given up. */
int task_check(struct err *e);

/* Waits for so many milliseconds, or until it is unwanted: EINTR. */
int task_rest(unsigned ms, struct err *e);

/* The call that follows makes a snapshot of the domain in a way that libvirt can abort; and it is
 * through, and nothing aborts anything any more. */
void task_may_abort(const char *uuid);
void task_past_abort(void);

/* ---- for who asked; from another thread, while the task may be over ---- */

/* Waits for so many milliseconds. False once it is over. */
bool task_wait(struct task *t, unsigned ms);

/* It is wanted no more. Returns when it is over. */
void task_unwanted(struct task *t);
bool task_is_unwanted(struct task *t);

#endif
