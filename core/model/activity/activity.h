/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activity.h - inside core/model: the operations that run on the domains, and that ran.
 *
 * Locks: activity->lock guards all that is here, and some members of a task (activity/task.h says
 * which). It is a leaf, and never held over a call to libvirt. activity->turned signals that
 * a task, a queue or a progress has changed.
 */
#ifndef SNAPFS_MODEL_ACTIVITY_ACTIVITY_H
#define SNAPFS_MODEL_ACTIVITY_ACTIVITY_H

#include <pthread.h>
#include <time.h>

#include "base/uuid_table.h"
#include "model/activity/lines.h"
#include "virt/job.h"
#include "virt/virt.h"

enum { PROGRESS_STEP_MAX = 96 };

struct task;

struct queue_place { /* must not move in memory from queue_enter to queue_leave */
    struct queue_place *next;
};

struct queue {
    struct queue_place *first;
    uint64_t n_left; /* counts the operations that have left */
};

struct progress {
    const struct task *task;
    bool busy;                    /* a verb is at work */
    uint64_t since;               /* when the verb began (CLOCK_MONOTONIC, ns) */
    char step[PROGRESS_STEP_MAX]; /* its step; "" = nothing worth telling */
    uint64_t done, total;         /* bytes; total 0: ask libvirt for both */
    uint64_t ask_from;            /* libvirt is not asked before this moment */
    struct timespec changed;      /* when it last changed; 0 = never */
    bool asking;                  /* the thread is at work */
    uint64_t asked;               /* when the thread began its last question */
    uint64_t answered;            /* when the last answered question was asked */
    struct virt_job job;          /* its answer */
    bool others;                  /* another program's work was shown last */
};

/* The activity of one domain. */
struct work {
    struct uuid_item item;
    struct oplog log;
    struct queue queue;
    struct progress progress;
};

struct activity { /* of all domains */
    pthread_mutex_t lock;
    pthread_cond_t turned;
    /* under lock: */
    struct uuid_table works;
    unsigned askers;   /* threads that ask for progress */
    unsigned n_queued; /* operations in the queues of all domains */
    uint64_t n_left;   /* operations that have left them */
};

struct activity *activity_new(void);    /* NULL without memory */
void activity_free(struct activity *a); /* NULL allowed; no thread may still ask */

/* Waits on `turned`, at most until `until_ns`. Returns false when that time has passed. Needs
 * activity->lock. */
bool activity_wait(struct activity *a, uint64_t until_ns);

/* Returns the work of that domain, and makes it if there is none. Give it back with work_done. NULL
 * without memory. */
struct work *work_get(struct activity *a, const char *uuid);
void work_done(struct activity *a, struct work *w);

/* Forgets the domains that are not among `all`. */
void activity_prune(struct activity *a, const struct virt_domain *all, size_t n);

#endif
