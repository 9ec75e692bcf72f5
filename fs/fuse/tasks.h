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
    pthread_cond_t idle;  /* a count below is 0 */
    unsigned changes;     /* threads that change something */
    unsigned watches;     /* other threads */
    bool closed;          /* no further change is started */
};

void tasks_init(struct tasks *t);
void tasks_destroy(struct tasks *t); /* when no thread runs */

/* Runs `run(arg)` on a thread of its own. Fails with ESHUTDOWN after tasks_close, with EAGAIN if
 * TASKS_MAX run already or no thread can be started. If it fails, the caller still owns `arg`. */
int tasks_start(struct tasks *t, void (*run)(void *), void *arg, struct err *e);

/* Runs a thread that changes nothing: it watches a task, or renews an image for its readers.
 * TASKS_MAX does not count it. Fails with ESHUTDOWN after tasks_close, except while a change still
 * runs. */
int tasks_watch(struct tasks *t, void (*run)(void *), void *arg, struct err *e);

/* Tells whether tasks_close was called. */
bool tasks_are_closed(struct tasks *t);

/* Lets no further change start. Returns how many still run. */
unsigned tasks_close(struct tasks *t);

/* Waits until no change runs, after tasks_close. A change in flight is never cut off, and no thread
 * can start after its end. */
void tasks_wait(struct tasks *t);

/* Waits for the other threads, after tasks_wait. Returns false if one still runs after `ms`: it may
 * wait for a file on a hung store. */
bool tasks_wait_watches(struct tasks *t, unsigned ms);

#endif
