/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue.c - see activity/queue.h. Locks: model->lock; model->turned tells of who left. */
#include "model/activity/queue.h"

#include <errno.h>

#include "model/catalog/catalog.h"
#include "model/activity/task.h"

/* Under model->lock. */
static void leave(struct model *m, struct queue *q, const struct queue_place *p)
{
    struct queue_place **at = &q->first;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    q->n_left++;
    m->n_left++;
    m->n_queued--;
    pthread_cond_broadcast(&m->turned);
}

int queue_enter(struct model *m, struct queue *q, struct queue_place *p, struct err *e)
{
    const struct task *mine = task_mine();
    struct queue_place **at = &q->first;
    pthread_mutex_lock(&m->lock);
    while (*at)
        at = &(*at)->next;
    *p = (struct queue_place){0};
    *at = p;
    m->n_queued++;
    while (q->first != p && !(mine && mine->unwanted))
        pthread_cond_wait(&m->turned, &m->lock);
    bool first = q->first == p;
    if (!first)
        leave(m, q, p);
    pthread_mutex_unlock(&m->lock);
    return first ? 0
                 : err_fail(e, EINTR,
                            "it was interrupted while it waited for another operation on the "
                            "domain; nothing was done");
}

void queue_leave(struct model *m, struct queue *q, struct queue_place *p)
{
    pthread_mutex_lock(&m->lock);
    leave(m, q, p);
    pthread_mutex_unlock(&m->lock);
}

size_t queue_waiting(const struct queue *q)
{
    size_t n = 0;
    for (const struct queue_place *p = q->first; p; p = p->next)
        n++;
    return n ? n - 1 : 0;
}
