/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tasks.h - threads for work that may take minutes, so that no FUSE worker waits for a change. */
#ifndef SNAPFS_FUSE_TASKS_H
#define SNAPFS_FUSE_TASKS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

enum { TASKS_MAX = 256 }; /* changes running or queued at once; each has a thread's stack */

struct tasks {
    pthread_mutex_t lock; /* a leaf */
    pthread_cond_t idle;  /* signals that `changes` or `watches` is 0 */
    unsigned changes;     /* threads that change something */
    unsigned watches;     /* other threads */
    bool closed;          /* no further change is started */
};

void tasks_init(struct tasks *t);
void tasks_destroy(struct tasks *t); /* when no thread runs */

/* Runs `run(arg)` on a thread of its own. After tasks_close, it fails with ESHUTDOWN. If TASKS_MAX
 * changes run already, or no thread can be started, it fails with EAGAIN. If it fails, the caller
 * still owns `arg`. */
int tasks_start(struct tasks *t, void (*run)(void *), void *arg, struct err *e);

/* Runs a thread that changes nothing: it watches a task, or renews an image for its readers.
 * TASKS_MAX does not count it. Fails with ESHUTDOWN after tasks_close, except while a change still
 * runs. */
int tasks_watch(struct tasks *t, void (*run)(void *), void *arg, struct err *e);

/* Tells whether tasks_close was called. */
bool tasks_are_closed(struct tasks *t);

/* Lets no further change start. Returns how many still run. */
unsigned tasks_close(struct tasks *t);

/* Waits until no change runs. Call it after tasks_close. snapfs never cuts off a change in flight.
 * After the end of the last change, no thread can start. */
void tasks_wait(struct tasks *t);

/* Waits for the other threads. Call it after tasks_wait. Returns false if a thread still runs after
 * `ms`. Such a thread may wait for a file on a hung store. */
bool tasks_wait_watches(struct tasks *t, unsigned ms);

#endif
