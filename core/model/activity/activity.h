/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activity.h - inside core/model: what runs on the domains, and what ran.
 *
 * Locks: activity->lock guards all that is here, and of a task (activity/task.h) what that says. It
 * is a leaf, and never held over a call to libvirt. activity->turned tells that a task, a queue or
 * a progress has changed.
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

struct queue_place { /* stays where it is from queue_enter to queue_leave */
    struct queue_place *next;
};

struct queue {
    struct queue_place *first;
    uint64_t n_left; /* counts those that have left */
};

struct progress {
    const struct task *task;
    bool busy;                    /* a verb has its turn, */
    uint64_t since;               /* since then (CLOCK_MONOTONIC, ns), and is at */
    char step[PROGRESS_STEP_MAX]; /* this; "" = nothing worth telling */
    uint64_t done, total;         /* bytes; total 0 = to be asked of libvirt, */
    uint64_t ask_from;            /* but not before */
    struct timespec changed;      /* when it last became another; 0 = never */
    bool asking;                  /* the thread is at work, */
    uint64_t asked;               /* since then; or it was */
    uint64_t answered;            /* of the last question that was answered: when it was asked, */
    struct virt_job job;          /* and the answer */
    bool others;                  /* another program's work was shown last */
};

/* Of one domain. */
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
    unsigned n_queued; /* operations in the queues of all domains, */
    uint64_t n_left;   /* and how many have left them */
};

struct activity *activity_new(void);    /* NULL without memory */
void activity_free(struct activity *a); /* NULL allowed; nobody asks any more */

/* Waits on `turned` until then at most; false when that has passed. Under activity->lock. */
bool activity_wait(struct activity *a, uint64_t until_ns);

/* The work of that domain, made when there is none; NULL without memory. Give it back. */
struct work *work_get(struct activity *a, const char *uuid);
void work_done(struct activity *a, struct work *w);

/* Forgets the domains that are not among `all`. */
void activity_prune(struct activity *a, const struct virt_domain *all, size_t n);

#endif
