/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress.c - see activity/progress.h, and model_job (model.h). Locks: model->lock, never over a
 * call to libvirt. */
#include "model/activity/progress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/catalog/catalog.h"
#include "model/activity/task.h"

/* What libvirt takes, and more, to let questions in after a call that makes a snapshot began. */
enum { ASK_AFTER_MS = 500, ASKED_WAIT_MS = 1000 };

/* ---- publishing ---- */

/* Under model->lock. */
static void put(struct model *m, struct entry *en, const char *step, uint64_t ask_from)
{
    struct progress *p = &en->progress;
    if (strncmp(p->step, step, sizeof(p->step) - 1) != 0)
        snprintf(p->step, sizeof(p->step), "%s", step);
    p->done = p->total = 0;
    p->ask_from = ask_from;
    clock_gettime(CLOCK_REALTIME, &p->changed);
    pthread_cond_broadcast(&m->turned);
}

void progress_begin(struct model *m, struct entry *en)
{
    struct task *mine = task_mine();
    if (mine)
        mine->entry = en;
    pthread_mutex_lock(&m->lock);
    en->progress.task = mine;
    en->progress.busy = true;
    en->progress.since = clock_ns();
    put(m, en, "", 0);
    pthread_mutex_unlock(&m->lock);
}

void progress_end(struct model *m, struct entry *en)
{
    if (task_mine())
        task_mine()->entry = NULL;
    pthread_mutex_lock(&m->lock);
    en->progress.task = NULL;
    en->progress.busy = false;
    put(m, en, "", 0);
    pthread_mutex_unlock(&m->lock);
}

void progress_set(const char *step, uint64_t done, uint64_t total)
{
    const struct task *mine = task_mine();
    if (!mine || !mine->entry)
        return;
    pthread_mutex_lock(&mine->m->lock);
    put(mine->m, mine->entry, step, 0);
    mine->entry->progress.done = min_u64(done, total);
    mine->entry->progress.total = total;
    pthread_mutex_unlock(&mine->m->lock);
}

void progress_before(const char *step, bool ever)
{
    const struct task *mine = task_mine();
    if (!mine || !mine->entry)
        return;
    struct model *m = mine->m;
    struct entry *en = mine->entry;
    pthread_mutex_lock(&m->lock);
    put(m, en, step, UINT64_MAX);
    uint64_t until = clock_ns() + ASKED_WAIT_MS * CLOCK_MS;
    while (ever && en->progress.asking && model_wait(m, until))
        continue;
    if (ever)
        en->progress.ask_from = clock_ns() + ASK_AFTER_MS * CLOCK_MS;
    pthread_mutex_unlock(&m->lock);
}

/* ---- asking ---- */

struct question {
    struct model *m;
    struct entry *en;
};

static void *ask(void *data)
{
    struct question q = *(struct question *)data;
    struct virt_job job;
    struct err ignored;
    free(data);
    int r = virt_job_look(q.m->virt, q.en->uuid, &job, &ignored);
    pthread_mutex_lock(&q.m->lock);
    struct progress *p = &q.en->progress;
    p->asking = false;
    if (r == 0) {
        p->job = job;
        p->answered = p->asked;
    }
    q.en->users--;
    q.m->askers--;
    pthread_cond_broadcast(&q.m->turned);
    pthread_mutex_unlock(&q.m->lock);
    return NULL;
}

/* Under model->lock. Without a thread to be had nobody asks. */
static void start(struct model *m, struct entry *en)
{
    struct question *q = malloc(sizeof(*q));
    pthread_attr_t attr;
    pthread_t thread;
    if (!q || pthread_attr_init(&attr) != 0) {
        free(q);
        return;
    }
    *q = (struct question){.m = m, .en = en};
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, ask, q) == 0) {
        en->progress.asking = true;
        en->progress.asked = clock_ns();
        en->users++;
        m->askers++;
    } else {
        free(q);
    }
    pthread_attr_destroy(&attr);
}

/* Under model->lock. What libvirt says now; where it does not answer, what it said when it was last
 * asked since `since` (0: nothing then), or false. A question that was not answered in time is not
 * waited for again. */
static bool learn(struct model *m, struct entry *en, uint64_t since, struct virt_job *ret)
{
    struct progress *p = &en->progress;
    if (!p->asking && m->askers < PROGRESS_ASKERS_MAX)
        start(m, en);
    while (p->asking && model_wait(m, p->asked + PROGRESS_WAIT_MS * CLOCK_MS))
        continue;
    bool known = p->answered && p->answered >= (since ? since : p->asked);
    if (known)
        *ret = p->job;
    return known;
}

/* Its threads are given up by libvirt's own deadline, and soon by virt_hurry. */
void progress_close(struct model *m)
{
    pthread_mutex_lock(&m->lock);
    bool any = m->askers;
    pthread_mutex_unlock(&m->lock);
    if (any)
        virt_hurry(m->virt);
    pthread_mutex_lock(&m->lock);
    while (m->askers)
        pthread_cond_wait(&m->turned, &m->lock);
    pthread_mutex_unlock(&m->lock);
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

static void show_ours(const struct entry *en, const struct virt_job *known, struct text *out)
{
    const struct progress *p = &en->progress;
    struct virt_job job = {.done = p->done, .total = p->total};
    if (!p->total && known->operation)
        job = *known;
    job.timed = true;
    job.elapsed_ms = (clock_ns() - p->since) / CLOCK_MS;
    text_line(out, "Operation:      %s", p->task ? p->task->name : "unknown");
    if (p->task)
        text_line(out, "Path:           %s", p->task->path);
    if (*p->step)
        text_line(out, "Step:           %s", p->step);
    add_figures(&job, out);
    if (p->task && p->task->unwanted)
        text_line(out, "Interrupted:    yes");
    if (queue_waiting(&en->queue))
        text_line(out, "Waiting:        %zu", queue_waiting(&en->queue));
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

/* Under model->lock. */
static void show(struct model *m, struct entry *en, bool active, struct text *out)
{
    struct progress *p = &en->progress;
    struct virt_job job = {0};
    uint64_t since = p->busy ? p->since : 0;
    bool ask = active && (!p->busy || (!p->total && p->ask_from <= clock_ns()));
    bool known = ask && learn(m, en, since, &job);
    bool others = !p->busy && ask && !(known && !job.operation);
    if (p->busy)
        show_ours(en, &job, out);
    else if (others)
        show_others(p, known ? &job : NULL, out);
    else
        text_line(out, "none");
    if (others || p->others)
        clock_gettime(CLOCK_REALTIME, &p->changed);
    p->others = others;
}

int model_job(struct model *m, const struct domain *d, char **ret, size_t *ret_len, struct err *e)
{
    struct text t = {0};
    struct entry *en = model_entry(m, d->uuid);
    if (!en)
        return err_nomem(e);
    pthread_mutex_lock(&m->lock);
    show(m, en, d->active, &t);
    pthread_mutex_unlock(&m->lock);
    model_entry_done(m, en);
    *ret = text_take(&t, ret_len);
    return *ret ? 0 : err_nomem(e);
}

void model_blame_verb(struct model *m, const char *uuid, struct err *e)
{
    bool may = *uuid && (e->no == EBUSY || e->no == EIO || e->no == ESTALE);
    struct entry *en = may ? model_entry(m, uuid) : NULL;
    if (!en)
        return;
    pthread_mutex_lock(&m->lock);
    bool busy = en->progress.busy;
    pthread_mutex_unlock(&m->lock);
    model_entry_done(m, en);
    struct err why = *e;
    if (busy)
        err_fail(e, why.no,
                 "try again when the operation that this mount has under way on the "
                 "domain has ended: %s",
                 why.text);
}

bool model_job_time(struct model *m, const char *uuid, struct timespec *ret)
{
    struct entry *en = model_entry(m, uuid);
    if (!en)
        return false;
    pthread_mutex_lock(&m->lock);
    struct timespec when = en->progress.changed;
    if (en->progress.busy)
        clock_gettime(CLOCK_REALTIME, &when);
    pthread_mutex_unlock(&m->lock);
    model_entry_done(m, en);
    if (when.tv_sec)
        *ret = when;
    return when.tv_sec;
}
