/* SPDX-License-Identifier: GPL-3.0-or-later */
/* task.c - see activity/task.h. Locks: activity->lock, never over a call to libvirt. */
#include "model/activity/task.h"

#include <errno.h>

#include "base/clock.h"
#include "base/lock.h"
#include "model/activity/activity.h"
#include "model/state.h"
#include "virt/job.h"

/* If snapfs asks libvirt for the abort too early, libvirt does not answer until the whole call has
 * ended. An abort that comes before the work has no effect. */
enum { ABORT_AFTER_MS = 500, ABORT_AGAIN_MS = 200 };

static _Thread_local struct task *mine;

void task_begin(struct task *t, struct model *m, const char *name, const char *path)
{
    *t = (struct task){.m = m, .name = name, .path = path};
    mine = t;
}

void task_end(struct task *t)
{
    pthread_mutex_lock(&t->m->activity->lock);
    t->over = true;
    pthread_cond_broadcast(&t->m->activity->turned);
    pthread_mutex_unlock(&t->m->activity->lock);
    mine = NULL;
}

struct task *task_mine(void)
{
    return mine;
}

/* ---- for the procedures ---- */

static int fail_unwanted(struct err *e)
{
    return err_fail(e, EINTR, "it was interrupted");
}

bool task_is_unwanted(struct task *t)
{
    autolock(&t->m->activity->lock);
    return t->unwanted;
}

int task_check(struct err *e)
{
    return mine && task_is_unwanted(mine) ? fail_unwanted(e) : 0;
}

int task_rest(unsigned ms, struct err *e)
{
    if (!mine) {
        usleep(ms * 1000);
        return 0;
    }
    uint64_t until = clock_ns() + ms * CLOCK_MS;
    pthread_mutex_lock(&mine->m->activity->lock);
    while (!mine->unwanted && activity_wait(mine->m->activity, until))
        continue;
    bool unwanted = mine->unwanted;
    pthread_mutex_unlock(&mine->m->activity->lock);
    return unwanted ? fail_unwanted(e) : 0;
}

static void set_abort(const char *uuid)
{
    if (!mine)
        return;
    struct activity *a = mine->m->activity;
    autolock(&a->lock);
    mine->uuid = uuid;
    mine->since = clock_ns();
    pthread_cond_broadcast(&a->turned);
    while (mine->aborting)
        pthread_cond_wait(&a->turned, &a->lock);
}

void task_may_abort(const char *uuid)
{
    set_abort(uuid);
}

void task_past_abort(void)
{
    set_abort(NULL);
}

/* ---- for the thread that asked ---- */

bool task_wait(struct task *t, unsigned ms)
{
    uint64_t until = clock_ns() + ms * CLOCK_MS;
    autolock(&t->m->activity->lock);
    while (!t->over && activity_wait(t->m->activity, until))
        continue;
    bool over = t->over;
    return !over;
}

/* Aborts once. The caller repeats an abort without effect. Needs activity->lock, and releases it
 * meanwhile. */
static void abort_once(struct task *t)
{
    struct activity *a = t->m->activity;
    struct err ignored;
    const char *uuid = t->uuid;
    uint64_t since = t->since, from = since + ABORT_AFTER_MS * CLOCK_MS;
    if (clock_ns() < from) {
        activity_wait(a, from);
        return;
    }
    t->aborting = true;
    pthread_mutex_unlock(&a->lock);
    virt_job_abort_snapshot(t->m->virt, uuid, since, &ignored);
    pthread_mutex_lock(&a->lock);
    t->aborting = false;
    pthread_cond_broadcast(&a->turned);
    for (uint64_t until = clock_ns() + ABORT_AGAIN_MS * CLOCK_MS;
         t->uuid && activity_wait(a, until);)
        continue;
}

void task_unwanted(struct task *t)
{
    struct activity *a = t->m->activity;
    autolock(&a->lock);
    t->unwanted = true;
    pthread_cond_broadcast(&a->turned);
    while (!t->over)
        if (t->uuid)
            abort_once(t);
        else
            pthread_cond_wait(&a->turned, &a->lock);
}
