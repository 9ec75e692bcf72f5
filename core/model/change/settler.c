/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settler.c - see settler.h. Locks: settler->lock guards what is below it, and is a leaf; for a
 * domain those of change/operation.h. */
#include "model/change/settler.h"

#include <errno.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/thread.h"
#include "model/journal/domain_lock.h"
#include "model/journal/journal.h"
#include "model/journal/unfinished.h"
#include "model/change/rounds.h"
#include "model/activity/task.h"
#include "model/change/operation.h"
#include "model/state.h"

enum {
    SOON_MS = 1000,        /* libvirt does not answer, or another process is at work on the
                              domain */
    AGAIN_FIRST_MS = 1000, /* a journal could not be settled; the time doubles, up to
                              AGAIN_LAST_MS */
    AGAIN_LAST_MS = 60000,
};

struct settler {
    struct model *m;
    struct task task; /* of the thread, as long as the thread lasts */
    /* Only the thread uses `left` and `soon`: */
    bool left; /* a journal is left that may be settled later */
    bool soon; /* a journal is left for a cause that passes; libvirt was not called */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool begun;   /* the task is the thread's */
    bool started; /* the thread is there, for settler_stop to join */
};

/* ---- one round ---- */

/* Returns whether libvirt does not answer. Meanwhile, snapfs logs nothing. */
static bool is_libvirt_away(struct settler *s, const char *uuid)
{
    struct virt_status status;
    struct err e;
    return virt_domain_status(s->m->virt, uuid, false, &status, &e) < 0 && err_is_unsure(&e);
}

/* Returns whether an operation is under way there, of this process or another. */
static bool is_held(const struct settler *s, const char *uuid)
{
    struct journal *j autodestroy(journal_close) = NULL;
    struct err e;
    return domain_lock_is_held(s->m->virt, uuid) || journal_open(uuid, false, &j, &e) == -EAGAIN;
}

static void settle_one(void *ctx, const char *uuid)
{
    struct settler *s = ctx;
    struct err e;
    if (task_check(&e) < 0)
        return;
    if (is_held(s, uuid) || is_libvirt_away(s, uuid))
        s->soon = true;
    else if (operation_recover(s->m, uuid, &e) < 0 && err_is_open(&e))
        s->left = true;
}

static void settle_all(struct settler *s)
{
    struct err e;
    s->left = s->soon = false;
    if (journal_list(settle_one, s, &e) < 0 && s->m->options.say)
        s->m->options.say(true, e.text);
    unfinished_each_stale(s->m->virt, settle_one, s);
}

/* ---- the thread ---- */

static void run(struct settler *s)
{
    uint64_t next, ms = AGAIN_FIRST_MS;
    do {
        settle_all(s);
        next = s->soon ? SOON_MS : s->left ? ms : 0;
        ms = s->left && !s->soon ? min_u64(ms * 2, AGAIN_LAST_MS) : AGAIN_FIRST_MS;
    } while (rounds_rest(s->m->rounds, next ? clock_ns() + next * CLOCK_MS : 0));
}

/* Runs the thread. The task is the thread's from its first moment, so that settler_stop finds
 * it. */
static void *begin(void *data)
{
    struct settler *s = data;
    task_begin(&s->task, s->m, "recover", "");
    pthread_mutex_lock(&s->lock);
    s->begun = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    run(s);
    task_end(&s->task);
    return NULL;
}

static bool start(struct settler *s)
{
    bool started = thread_start(&s->thread, begin, s) == 0;
    autolock(&s->lock);
    while (started && !s->begun)
        pthread_cond_wait(&s->changed, &s->lock);
    return started;
}

struct settler *settler_new(struct model *m)
{
    struct settler *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->m = m;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    return s;
}

static void join(struct settler *s)
{
    task_unwanted(&s->task);
    pthread_join(s->thread, NULL);
}

/* Returns whether there is a thread that no other thread has joined, or is joining. */
static bool take_started(struct settler *s)
{
    autolock(&s->lock);
    bool started = s->started;
    s->started = false;
    return started;
}

/* Starts the thread. A signal may have called settler_stop before there was a thread. */
bool settler_start(struct settler *s)
{
    if (!start(s))
        return false;
    pthread_mutex_lock(&s->lock);
    s->started = true;
    pthread_mutex_unlock(&s->lock);
    if (rounds_are_over(s->m->rounds) && take_started(s))
        join(s);
    return true;
}

void settler_stop(struct settler *s)
{
    rounds_end(s->m->rounds);
    if (take_started(s))
        join(s);
}

void settler_free(struct settler *s)
{
    if (!s)
        return;
    settler_stop(s);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
