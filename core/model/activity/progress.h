/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress.h - what runs on a domain and how far it is: published by the verb that is at work on
 * it, asked of libvirt otherwise. The file `job` shows it.
 *
 * Asking can take as long as the work itself, so a thread of its own does that, one a domain, and a
 * reader waits for its answer PROGRESS_WAIT_MS at most.
 */
#ifndef SNAPFS_MODEL_ACTIVITY_PROGRESS_H
#define SNAPFS_MODEL_ACTIVITY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "virt/job.h"

struct entry;
struct model;

enum {
    PROGRESS_WAIT_MS = 300,
    PROGRESS_ASKERS_MAX = 4, /* of all domains; a connection and a thread each */
    PROGRESS_STEP_MAX = 96,
};

struct progress { /* all of it under model->lock */
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

/* The verb of the calling thread has its turn on the domain; and is through. */
void progress_begin(struct model *m, struct entry *en);
void progress_end(struct model *m, struct entry *en);

/* Publishes, of the verb that is at work on the calling thread, what it is at ("committing vda";
 * cut when too long, "" = nothing worth telling) and how far that is, in bytes. With `total` 0
 * libvirt is asked for it whenever somebody wants to know. */
void progress_set(const char *step, uint64_t done, uint64_t total);

/* The same before a call that libvirt answers no questions in at first, or, with `ever` false, not
 * before its end. With `ever` it waits, a second at most, until no question is under way, which
 * would get no answer either. */
void progress_before(const char *step, bool ever);

/* Waits until nobody asks libvirt any more. */
void progress_close(struct model *m);

#endif
