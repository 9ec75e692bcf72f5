/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress.c - see activity/progress.h. Locks: activity->lock, never over a call to libvirt. */
#include "model/activity/progress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/thread.h"
#include "model/activity/activity.h"
#include "model/activity/queue.h"
#include "model/activity/task.h"
#include "model/state.h"

/* The time that libvirt takes, and more, to answer questions after a call that makes a snapshot
 * began. */
enum { ASK_AFTER_MS = 500, ASKED_WAIT_MS = 1000 };

/* ---- publishing ---- */

/* Under activity->lock. */
static void put(struct activity *a, struct work *w, const char *step, uint64_t ask_from)
{
    struct progress *p = &w->progress;
    if (strncmp(p->step, step, sizeof(p->step) - 1) != 0)
        snprintf(p->step, sizeof(p->step), "%s", step);
    p->done = p->total = 0;
    p->ask_from = ask_from;
    clock_gettime(CLOCK_REALTIME, &p->changed);
    pthread_cond_broadcast(&a->turned);
}

void progress_begin(struct activity *a, struct work *w)
{
    struct task *mine = task_mine();
    if (mine)
        mine->work = w;
    autolock(&a->lock);
    w->progress.task = mine;
    w->progress.busy = true;
    w->progress.since = clock_ns();
    put(a, w, "", 0);
}

void progress_end(struct activity *a, struct work *w)
{
    if (task_mine())
        task_mine()->work = NULL;
    autolock(&a->lock);
    w->progress.task = NULL;
    w->progress.busy = false;
    put(a, w, "", 0);
}

void progress_set(const char *step, uint64_t done, uint64_t total)
{
    const struct task *mine = task_mine();
    if (!mine || !mine->work)
        return;
    struct activity *a = mine->m->activity;
    autolock(&a->lock);
    put(a, mine->work, step, 0);
    mine->work->progress.done = min_u64(done, total);
    mine->work->progress.total = total;
}

void progress_before(const char *step, bool ever)
{
    const struct task *mine = task_mine();
    if (!mine || !mine->work)
        return;
    struct activity *a = mine->m->activity;
    struct work *w = mine->work;
    autolock(&a->lock);
    put(a, w, step, UINT64_MAX);
    uint64_t until = clock_ns() + ASKED_WAIT_MS * CLOCK_MS;
    while (ever && w->progress.asking && activity_wait(a, until))
        continue;
    if (ever)
        w->progress.ask_from = clock_ns() + ASK_AFTER_MS * CLOCK_MS;
}

/* ---- asking ---- */

struct question {
    struct model *m;
    struct work *w;
};

static void *ask(void *data)
{
    struct question q = *(struct question *)data;
    struct virt_job job;
    struct err ignored;
    free(data);
    int r = virt_job_look(q.m->virt, q.w->item.uuid, &job, &ignored);
    autolock(&q.m->activity->lock);
    struct progress *p = &q.w->progress;
    p->asking = false;
    if (r == 0) {
        p->job = job;
        p->answered = p->asked;
    }
    q.w->item.users--;
    q.m->activity->askers--;
    pthread_cond_broadcast(&q.m->activity->turned);
    return NULL;
}

/* Starts a thread that asks. If no thread can be made, libvirt is not asked. Needs
 * activity->lock. */
static void start(struct model *m, struct work *w)
{
    struct question *q = malloc(sizeof(*q));
    if (!q)
        return;
    *q = (struct question){.m = m, .w = w};
    if (thread_start_detached(ask, q) == 0) {
        w->progress.asking = true;
        w->progress.asked = clock_ns();
        w->item.users++;
        m->activity->askers++;
    } else {
        free(q);
    }
}

/* Gets libvirt's present answer. If libvirt does not answer in time, takes libvirt's last answer to
 * a question that was asked at `since` or later. `since` 0: takes no earlier answer. Returns false
 * if there is no answer. If a question was not answered in time, no later call waits for that
 * question. Needs activity->lock. */
static bool learn(struct model *m, struct work *w, uint64_t since, struct virt_job *ret)
{
    struct progress *p = &w->progress;
    if (!p->asking && m->activity->askers < PROGRESS_ASKERS_MAX)
        start(m, w);
    while (p->asking && activity_wait(m->activity, p->asked + PROGRESS_WAIT_MS * CLOCK_MS))
        continue;
    bool known = p->answered && p->answered >= (since ? since : p->asked);
    if (known)
        *ret = p->job;
    return known;
}

/* Waits for the threads. libvirt's own deadline ends their calls, and virt_hurry ends them soon. */
void progress_close(struct model *m)
{
    pthread_mutex_lock(&m->activity->lock);
    bool any = m->activity->askers;
    pthread_mutex_unlock(&m->activity->lock);
    if (any)
        virt_hurry(m->virt);
    pthread_mutex_lock(&m->activity->lock);
    while (m->activity->askers)
        pthread_cond_wait(&m->activity->turned, &m->activity->lock);
    pthread_mutex_unlock(&m->activity->lock);
}

/* ---- the file ---- */

static void add_figures(const struct virt_job *job, struct text *out)
{
    if (job->timed)
        text_line(out, "Elapsed:        %llu s", (unsigned long long)job->elapsed_ms / 1000);
    if (!job->total)
        return;
    uint64_t done = min_u64(job->done, job->total);
    text_line(out, "Bytes:          %llu/%llu", (unsigned long long)done,
              (unsigned long long)job->total);
    text_line(out, "Percent:        %d", (int)(100.0 * (double)done / (double)job->total));
}

static void show_ours(const struct work *w, const char *name, const struct virt_job *known,
                      struct text *out)
{
    const struct progress *p = &w->progress;
    struct virt_job job = {.done = p->done, .total = p->total};
    if (!p->total && known->operation)
        job = *known;
    job.timed = true;
    job.elapsed_ms = (clock_ns() - p->since) / CLOCK_MS;
    text_line(out, "Operation:      %s", p->task ? p->task->name : "unknown");
    if (p->task)
        text_line(out, "Path:           %s", *p->task->path ? p->task->path : name);
    if (*p->step)
        text_line(out, "Step:           %s", p->step);
    add_figures(&job, out);
    if (p->task && p->task->unwanted)
        text_line(out, "Interrupted:    yes");
    if (queue_waiting(&w->queue))
        text_line(out, "Waiting:        %zu", queue_waiting(&w->queue));
}

static void show_others(const struct progress *p, const struct virt_job *known, struct text *out)
{
    if (known) {
        text_line(out, "Operation:      %s, of another program", known->operation);
        add_figures(known, out);
        return;
    }
    struct virt_job nothing = {.timed = p->asking};
    nothing.elapsed_ms = p->asking ? (clock_ns() - p->asked) / CLOCK_MS : 0;
    text_line(out, "Operation:      unknown: libvirt does not answer");
    add_figures(&nothing, out);
}

/* Under activity->lock. */
static void show(struct model *m, struct work *w, const char *name, bool active, struct text *out)
{
    struct progress *p = &w->progress;
    struct virt_job job = {0};
    uint64_t since = p->busy ? p->since : 0;
    bool ask = active && (!p->busy || (!p->total && p->ask_from <= clock_ns()));
    bool known = ask && learn(m, w, since, &job);
    bool others = !p->busy && ask && !(known && !job.operation);
    if (p->busy)
        show_ours(w, name, &job, out);
    else if (others)
        show_others(p, known ? &job : NULL, out);
    else
        text_line(out, "none");
    if (others || p->others)
        clock_gettime(CLOCK_REALTIME, &p->changed);
    p->others = others;
}

int model_job(struct model *m, const char *uuid, const char *name, bool active, char **ret,
              size_t *ret_len, struct err *e)
{
    struct text t = {0};
    struct work *w = work_get(m->activity, uuid);
    if (!w)
        return err_nomem(e);
    pthread_mutex_lock(&m->activity->lock);
    show(m, w, name, active, &t);
    pthread_mutex_unlock(&m->activity->lock);
    work_done(m->activity, w);
    *ret = text_take(&t, ret_len);
    return *ret ? 0 : err_nomem(e);
}

void model_blame_verb(struct model *m, const char *uuid, struct err *e)
{
    bool may = *uuid && (e->no == EBUSY || e->no == EIO || e->no == ESTALE);
    struct work *w = may ? work_get(m->activity, uuid) : NULL;
    if (!w)
        return;
    pthread_mutex_lock(&m->activity->lock);
    bool busy = w->progress.busy;
    pthread_mutex_unlock(&m->activity->lock);
    work_done(m->activity, w);
    struct err why = *e;
    if (busy)
        err_fail(
            e, why.no,
            "an operation of this mount on the domain is under way; try again when it has ended: "
            "%s",
            why.text);
}

bool model_job_time(struct model *m, const char *uuid, struct timespec *ret)
{
    struct work *w = work_get(m->activity, uuid);
    if (!w)
        return false;
    pthread_mutex_lock(&m->activity->lock);
    struct timespec when = w->progress.changed;
    if (w->progress.busy)
        clock_gettime(CLOCK_REALTIME, &when);
    pthread_mutex_unlock(&m->activity->lock);
    work_done(m->activity, w);
    if (when.tv_sec)
        *ret = when;
    return when.tv_sec;
}
