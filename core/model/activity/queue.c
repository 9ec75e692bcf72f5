/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue.c - see activity/queue.h. Locks: activity->lock; activity->turned signals that one has
 * left. */
#include "model/activity/queue.h"

#include <errno.h>

#include "base/lock.h"
#include "model/activity/activity.h"
#include "model/activity/task.h"

/* Under activity->lock. */
static void leave(struct activity *a, struct queue *q, const struct queue_place *p)
{
    struct queue_place **at = &q->first;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    q->n_left++;
    a->n_left++;
    a->n_queued--;
    pthread_cond_broadcast(&a->turned);
}

int queue_enter(struct activity *a, struct queue *q, struct queue_place *p, struct err *e)
{
    const struct task *mine = task_mine();
    struct queue_place **at = &q->first;
    pthread_mutex_lock(&a->lock);
    while (*at)
        at = &(*at)->next;
    *p = (struct queue_place){0};
    *at = p;
    a->n_queued++;
    while (q->first != p && !(mine && mine->unwanted))
        pthread_cond_wait(&a->turned, &a->lock);
    bool first = q->first == p;
    if (!first)
        leave(a, q, p);
    pthread_mutex_unlock(&a->lock);
    return first ? 0
                 : err_fail(e, EINTR,
                            "it was interrupted while it waited for another operation on the "
                            "domain; nothing was done");
}

void queue_leave(struct activity *a, struct queue *q, struct queue_place *p)
{
    autolock(&a->lock);
    leave(a, q, p);
}

size_t queue_waiting(const struct queue *q)
{
    size_t n = 0;
    for (const struct queue_place *p = q->first; p; p = p->next)
        n++;
    return n ? n - 1 : 0;
}

uint64_t queue_left(struct activity *a, const struct work *w, bool *ret_busy)
{
    autolock(&a->lock);
    uint64_t left = w ? w->queue.n_left : a->n_left;
    if (ret_busy)
        *ret_busy = w ? w->queue.first != NULL : a->n_queued > 0;
    return left;
}
