/* SPDX-License-Identifier: GPL-3.0-or-later */
/* changes.c - see changes.h. Locks: activity->lock, to wait on an operation of this process. */
#include "model/reader/changes.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/activity/activity.h"
#include "model/activity/progress.h"
#include "model/activity/queue.h"
#include "model/activity/task.h"
#include "model/journal/domain_lock.h"
#include "model/journal/journal.h"
#include "model/state.h"

enum {
    ELSEWHERE_TRIES = 8, /* ends of operations on other domains */
    /* Such an operation may change a file that the image is on only by libvirt's changes of tags,
     * which do not take longer. A merge that takes hours may concern other files alone: */
    ELSEWHERE_MS = 30000,
    /* If libvirt did not answer, the operation's journal is left, and QEMU may go on: */
    UNFINISHED_MS = 30000,
    UNFINISHED_LOOK_MS = 500,
};

struct outlasting {
    const struct changes *c;
    struct work *work;
    unsigned quiet, elsewhere; /* attempts */
    uint64_t elsewhere_until;  /* 0: has not waited for an operation on another domain */
    uint64_t unfinished_until; /* 0: nothing was found to be unfinished */
};

/* Waits a moment, or until an operation of this process ends. */
static void rest(struct model *m)
{
    pthread_mutex_lock(&m->activity->lock);
    activity_wait(m->activity, clock_ns() + CHANGES_LOOK_MS * CLOCK_MS);
    pthread_mutex_unlock(&m->activity->lock);
}

/* Returns how many operations of this process have ended on the image's domain. */
static uint64_t ended_here(const struct outlasting *o, bool *ret_busy)
{
    return queue_left(o->c->m->activity, o->work, ret_busy);
}

uint64_t changes_ended(struct model *m)
{
    return queue_left(m->activity, NULL, NULL);
}

static bool is_locked(struct model *m, const char *uuid)
{
    return !m->is_test && (domain_lock_is_held(m->virt, uuid) || journal_is_busy(uuid));
}

static bool is_locked_anywhere(struct model *m)
{
    return !m->is_test && (domain_lock_any_is_held(m->virt) || journal_any_is_busy());
}

static bool is_under_way(const struct outlasting *o)
{
    bool busy;
    ended_here(o, &busy);
    return busy || is_locked(o->c->m, o->c->uuid);
}

/* Waits until the operation under way on the image's domain has ended. Operations queued behind it
 * may take long, so they are not waited for. */
static int wait_here(const struct outlasting *o, struct err *e)
{
    bool busy;
    uint64_t first = ended_here(o, &busy), now = first;
    while ((busy && now == first) || (!busy && is_locked(o->c->m, o->c->uuid))) {
        int r = o->c->look(o->c->ctx, e);
        if (r < 0)
            return r;
        rest(o->c->m);
        now = ended_here(o, &busy);
    }
    return 0;
}

/* Waits for the end of an operation on another domain, if one is under way. 1: one has ended. */
static int wait_elsewhere(struct outlasting *o, uint64_t before, struct err *e)
{
    struct model *m = o->c->m;
    bool busy, any = false;
    if (!o->elsewhere_until)
        o->elsewhere_until = clock_ns() + ELSEWHERE_MS * CLOCK_MS;
    while (queue_left(m->activity, NULL, &busy) == before) {
        if (!busy && !is_locked_anywhere(m))
            return any;
        if (clock_ns() >= o->elsewhere_until)
            return 0;
        any = true;
        int r = o->c->look(o->c->ctx, e);
        if (r < 0)
            return r;
        rest(m);
    }
    return 1;
}

/* Returns whether an operation has left a journal, for which this mount or another one will look
 * soon. */
static bool is_unfinished(struct outlasting *o)
{
    autofree char *left = o->c->m->is_test ? NULL : journal_glance(o->c->uuid);
    if (!left || !*left)
        return false;
    if (!o->unfinished_until)
        o->unfinished_until = clock_ns() + UNFINISHED_MS * CLOCK_MS;
    return clock_ns() < o->unfinished_until;
}

static int wait_unfinished(const struct outlasting *o, struct err *e)
{
    int r = 0;
    for (unsigned ms = 0; r == 0 && ms < UNFINISHED_LOOK_MS && !is_under_way(o);
         ms += CHANGES_LOOK_MS) {
        r = o->c->look(o->c->ctx, e);
        rest(o->c->m);
    }
    return r;
}

/* Counts an attempt that failed, perhaps because of an operation. -errno: make no further
 * attempt. */
static int may_try_again(struct outlasting *o, int why, uint64_t before, struct err *e)
{
    if (is_under_way(o)) {
        o->quiet = 0;
        return 0;
    }
    if (why == CHANGES_ANYWHERE && is_unfinished(o))
        return wait_unfinished(o, e);
    int other = why == CHANGES_ANYWHERE ? wait_elsewhere(o, before, e) : 0;
    if (other < 0)
        return other;
    o->elsewhere += (unsigned)other;
    o->quiet = other ? 0 : o->quiet + 1;
    return o->quiet < o->c->tries && o->elsewhere < ELSEWHERE_TRIES ? 0 : -e->no;
}

static int outlast(struct outlasting *o, struct err *e)
{
    for (;;) {
        int r = wait_here(o, e);
        if (r < 0)
            return r;
        uint64_t before = changes_ended(o->c->m);
        r = o->c->attempt(o->c->ctx, e);
        if (r <= 0)
            return r;
        r = may_try_again(o, r, before, e);
        if (r < 0)
            return r;
    }
}

int changes_outlast(const struct changes *c, struct err *e)
{
    struct outlasting o = {.c = c, .work = work_get(c->m->activity, c->uuid)};
    if (!o.work)
        return err_nomem(e);
    int r = outlast(&o, e);
    work_done(c->m->activity, o.work);
    return r;
}

/* Returns whether the operation that runs here makes a snapshot, and does nothing else. Needs
 * activity->lock. */
static bool is_create(const struct progress *p)
{
    const char *name = p->busy && p->task ? p->task->name : "";
    bool makes = !strcmp(name, "mkdir") || !strcmp(name, "create");
    return makes && strcmp(p->step, PROGRESS_WAITS) != 0;
}

enum changes_now changes_now(struct model *m, const char *uuid, const struct snapshot_disk *disk)
{
    struct work *w = work_get(m->activity, uuid);
    if (!w)
        return CHANGES_NONE;
    pthread_mutex_lock(&m->activity->lock);
    bool busy = w->queue.first != NULL, creates = is_create(&w->progress);
    pthread_mutex_unlock(&m->activity->lock);
    work_done(m->activity, w);
    if (creates)
        return disk && disk->tag ? CHANGES_AT_WORK : CHANGES_SPARE;
    return busy || is_locked(m, uuid) ? CHANGES_AT_WORK : CHANGES_NONE;
}

bool changes_anywhere(struct model *m)
{
    bool busy;
    queue_left(m->activity, NULL, &busy);
    return busy || is_locked_anywhere(m);
}
