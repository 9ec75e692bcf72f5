/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue.h - the operations on one domain, one at a time and in the order in which they came. */
#ifndef SNAPFS_MODEL_ACTIVITY_QUEUE_H
#define SNAPFS_MODEL_ACTIVITY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct activity;
struct queue;
struct queue_place; /* stays where it is from queue_enter to queue_leave */
struct work;

/* Enters the queue, and waits until all earlier operations have left. If the thread's task becomes
 * unwanted meanwhile, it fails with EINTR, and has no place in the queue. */
int queue_enter(struct activity *a, struct queue *q, struct queue_place *p, struct err *e);
void queue_leave(struct activity *a, struct queue *q, struct queue_place *p);

/* Returns how many wait behind the first. Needs activity->lock. */
size_t queue_waiting(const struct queue *q);

/* Returns how many operations have left the queue of that domain, or with `w` NULL those of all
 * domains. *ret_busy (NULL: not asked for): an operation is in it. */
uint64_t queue_left(struct activity *a, const struct work *w, bool *ret_busy);

#endif
