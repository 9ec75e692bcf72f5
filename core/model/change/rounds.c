/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rounds.c - see change/rounds.h. Locks: rounds->lock guards what is below it, and is a leaf. */
#include "model/change/rounds.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/lock.h"

struct rounds {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool asked, over;
};

struct rounds *rounds_new(void)
{
    struct rounds *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    return r;
}

void rounds_free(struct rounds *r)
{
    if (!r)
        return;
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static void set(struct rounds *r, bool *what)
{
    autolock(&r->lock);
    *what = true;
    pthread_cond_broadcast(&r->changed);
}

void rounds_ask(struct rounds *r)
{
    set(r, &r->asked);
}

void rounds_end(struct rounds *r)
{
    set(r, &r->over);
}

bool rounds_are_over(struct rounds *r)
{
    autolock(&r->lock);
    return r->over;
}

bool rounds_rest(struct rounds *r, uint64_t until)
{
    bool in_time = true;
    autolock(&r->lock);
    while (!r->asked && !r->over && in_time)
        if (until)
            in_time = clock_wait(&r->changed, &r->lock, until);
        else
            pthread_cond_wait(&r->changed, &r->lock);
    r->asked = false;
    bool over = r->over;
    return !over;
}
