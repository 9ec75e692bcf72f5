/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tasks.h - threads for what may take minutes, so that no FUSE worker waits for a change. */
#ifndef SNAPFS_FUSE_TASKS_H
#define SNAPFS_FUSE_TASKS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

enum { TASKS_MAX = 256 }; /* changes running or queued at once: a thread's stack each */

struct tasks {
    pthread_mutex_t lock; /* a leaf */
    pthread_cond_t idle;  /* a count below is 0 */
    unsigned changes;     /* how many threads run that change something, */
    unsigned watches;     /* and how many others */
    bool closed;          /* no change is started any more */
};

void tasks_init(struct tasks *t);
void tasks_destroy(struct tasks *t); /* when no thread runs */

/* Runs `run(arg)` on a thread of its own. ESHUTDOWN after tasks_close, EAGAIN when TASKS_MAX run
 * already or no thread can be had; then `arg` stays the caller's. */
int tasks_start(struct tasks *t, void (*run)(void *), void *arg, struct err *e);

/* Runs a thread that changes nothing: it watches over a task, or renews an image for its readers.
 * TASKS_MAX does not count it. After tasks_close ESHUTDOWN, except while a change still runs. */
int tasks_watch(struct tasks *t, void (*run)(void *), void *arg, struct err *e);

/* Was tasks_close called? */
bool tasks_are_closed(struct tasks *t);

/* Lets no change start any more. Returns how many still run. */
unsigned tasks_close(struct tasks *t);

/* Waits until no change runs, after tasks_close. A change in flight is never cut off, and no thread
 * can start after its end. */
void tasks_wait(struct tasks *t);

/* Waits for the other threads, after tasks_wait. False if one still runs after `ms`: it may wait
 * for a file on a store that hangs. */
bool tasks_wait_watches(struct tasks *t, unsigned ms);

#endif
