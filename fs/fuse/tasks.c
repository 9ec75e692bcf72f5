/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tasks.c - see tasks.h. `tasks.lock` guards the counts and `closed`. */
#include "fuse/tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/thread.h"

struct started {
    struct tasks *tasks;
    void (*run)(void *);
    void *arg;
    bool watch;
};

void tasks_init(struct tasks *t)
{
    *t = (struct tasks){0};
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->idle, NULL);
}

void tasks_destroy(struct tasks *t)
{
    pthread_cond_destroy(&t->idle);
    pthread_mutex_destroy(&t->lock);
}

static unsigned *count_of(struct tasks *t, bool watch)
{
    return watch ? &t->watches : &t->changes;
}

static void finished(struct tasks *t, bool watch)
{
    autolock(&t->lock);
    if (!--*count_of(t, watch))
        pthread_cond_broadcast(&t->idle);
}

static void *thread_main(void *data)
{
    struct started s = *(struct started *)data;
    free(data);
    s.run(s.arg);
    finished(s.tasks, s.watch);
    return NULL;
}

static int may_start(struct tasks *t, bool watch, struct err *e)
{
    int r = 0;
    autolock(&t->lock);
    if (t->closed && !watch)
        r = err_fail(e, ESHUTDOWN, "the mount is ending and allows no more changes");
    else if (t->closed && !t->changes)
        r = err_fail(e, ESHUTDOWN, "the mount is ending");
    else if (t->changes == TASKS_MAX && !watch)
        r = err_fail(e, EAGAIN, "%d changes are running or waiting already; try again later",
                     TASKS_MAX);
    else
        ++*count_of(t, watch);
    return r;
}

static int start(struct tasks *t, bool watch, void (*run)(void *), void *arg, struct err *e)
{
    struct started *s = malloc(sizeof(*s));
    if (!s)
        return err_nomem(e);
    *s = (struct started){.tasks = t, .run = run, .arg = arg, .watch = watch};
    int r = may_start(t, watch, e);
    if (r < 0) {
        free(s);
        return r;
    }
    int no = thread_start_detached(thread_main, s);
    if (no) {
        free(s);
        finished(t, watch);
        return err_fail(e, EAGAIN, "no thread can be started: %s", strerrordesc_np(no));
    }
    return 0;
}

int tasks_start(struct tasks *t, void (*run)(void *), void *arg, struct err *e)
{
    return start(t, false, run, arg, e);
}

int tasks_watch(struct tasks *t, void (*run)(void *), void *arg, struct err *e)
{
    return start(t, true, run, arg, e);
}

bool tasks_are_closed(struct tasks *t)
{
    autolock(&t->lock);
    return t->closed;
}

unsigned tasks_close(struct tasks *t)
{
    autolock(&t->lock);
    t->closed = true;
    return t->changes;
}

void tasks_wait(struct tasks *t)
{
    autolock(&t->lock);
    while (t->changes)
        pthread_cond_wait(&t->idle, &t->lock);
}

bool tasks_wait_watches(struct tasks *t, unsigned ms)
{
    uint64_t until = clock_ns() + ms * CLOCK_MS;
    autolock(&t->lock);
    while (t->watches && clock_wait(&t->idle, &t->lock, until))
        continue;
    return !t->watches;
}
