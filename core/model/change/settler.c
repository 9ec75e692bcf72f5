/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settler.c - see settler.h. Locks: settler->lock guards what is below it, and is a leaf; for a
 * domain those of change/operation.h. */
#include "model/change/settler.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/clock.h"
#include "model/catalog/catalog.h"
#include "model/journal/domain_lock.h"
#include "model/journal/journal.h"
#include "model/journal/unfinished.h"
#include "model/change/recover.h"
#include "model/activity/task.h"
#include "model/change/operation.h"

enum {
    SOON_MS = 1000,        /* libvirt does not answer, or somebody is at work on the domain */
    AGAIN_FIRST_MS = 1000, /* or a journal could not be settled; each time longer, up to */
    AGAIN_LAST_MS = 60000,
};

struct settler {
    struct model *m;
    struct task task; /* of the thread, as long as it lasts */
    /* the thread's alone: */
    bool left; /* a journal is left that may be settled later, */
    bool soon; /* or for a cause that passes, without libvirt's being asked for anything */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool begun; /* the task is the thread's */
    bool asked, ends;
    bool joined; /* of who ends it alone */
};

void settler_ask(struct settler *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->asked = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* ---- one round ---- */

/* Nothing is said as long as libvirt does not answer. */
static bool is_libvirt_away(struct settler *s, const char *uuid)
{
    struct virt_status status;
    struct err e;
    return virt_domain_status(s->m->virt, uuid, false, &status, &e) < 0 && err_is_unsure(&e);
}

/* Is an operation under way there, of this process or another? */
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
    else if (turn_recover(s->m, uuid, &e) < 0 && err_is_open(&e))
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

/* Until somebody asks, or, with `until`, then. False: it ends. */
static bool rest(struct settler *s, uint64_t until)
{
    bool in_time = true;
    pthread_mutex_lock(&s->lock);
    while (!s->asked && !s->ends && in_time)
        if (until)
            in_time = clock_wait(&s->changed, &s->lock, until);
        else
            pthread_cond_wait(&s->changed, &s->lock);
    s->asked = false;
    bool ends = s->ends;
    pthread_mutex_unlock(&s->lock);
    return !ends;
}

static void run(struct settler *s)
{
    uint64_t next, ms = AGAIN_FIRST_MS;
    do {
        settle_all(s);
        next = s->soon ? SOON_MS : s->left ? ms : 0;
        ms = s->left && !s->soon ? min_u64(ms * 2, AGAIN_LAST_MS) : AGAIN_FIRST_MS;
    } while (rest(s, next ? clock_ns() + next * CLOCK_MS : 0));
}

/* The task is the thread's from its first moment, so that settler_stop finds it. */
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

/* Signals are for the threads of others. */
static bool start(struct settler *s)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool started = pthread_create(&s->thread, NULL, begin, s) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_mutex_lock(&s->lock);
    while (started && !s->begun)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return started;
}

static void destroy(struct settler *s)
{
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct settler *settler_new(struct model *m)
{
    struct settler *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->m = m;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    if (start(s))
        return s;
    destroy(s);
    return NULL;
}

void settler_stop(struct settler *s)
{
    if (!s || s->joined)
        return;
    pthread_mutex_lock(&s->lock);
    s->ends = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    task_unwanted(&s->task);
    pthread_join(s->thread, NULL);
    s->joined = true;
}

void settler_free(struct settler *s)
{
    settler_stop(s);
    if (s)
        destroy(s);
}
