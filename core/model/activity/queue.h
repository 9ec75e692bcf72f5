/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue.h - the operations on one domain, one at a time and in the order they came. */
#ifndef SNAPFS_MODEL_ACTIVITY_QUEUE_H
#define SNAPFS_MODEL_ACTIVITY_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct model;

struct queue_place { /* stays where it is from queue_enter to queue_leave */
    struct queue_place *next;
};

struct queue { /* all of it under model->lock */
    struct queue_place *first;
    uint64_t n_left; /* counts those that have left */
};

/* Waits until all who came before have left. EINTR when the thread's task is unwanted meanwhile:
 * then it has no place. */
int queue_enter(struct model *m, struct queue *q, struct queue_place *p, struct err *e);
void queue_leave(struct model *m, struct queue *q, struct queue_place *p);

/* How many wait behind the first. Under model->lock. */
size_t queue_waiting(const struct queue *q);

#endif
