/* tasks.h - threads for what may take minutes, so that no FUSE worker waits for a change. */
#ifndef SNAPFS_FUSE_TASKS_H
#define SNAPFS_FUSE_TASKS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

enum { TASKS_MAX = 256 }; /* changes running or queued at once: a thread's stack each */

struct tasks {
    pthread_mutex_t lock; /* a leaf */
    pthread_cond_t idle;  /* running is 0 */
    unsigned running;     /* with those that watch over them, */
    unsigned watching;    /* which are so many */
    bool closed;          /* none is started any more */
};

void tasks_init(struct tasks *t);
void tasks_destroy(struct tasks *t); /* after tasks_wait */

/* Runs `run(arg)` on a thread of its own. ESHUTDOWN after tasks_close, EAGAIN when TASKS_MAX run
 * already or no thread can be had; then `arg` stays the caller's. */
int tasks_start(struct tasks *t, void (*run)(void *), void *arg, struct err *e);

/* The same of a thread that watches over a task: also after tasks_close, since the task runs, and
 * beside the TASKS_MAX. The calling thread need not be a task's. */
int tasks_watch(struct tasks *t, void (*run)(void *), void *arg, struct err *e);

/* Was tasks_close called? */
bool tasks_are_closed(struct tasks *t);

/* Lets none start any more. Returns how many still run, but for watches. */
unsigned tasks_close(struct tasks *t);

/* Waits until none runs, after tasks_close. A change in flight is never cut off. */
void tasks_wait(struct tasks *t);

#endif
