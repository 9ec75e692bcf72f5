/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cows.c - see cows.h. `cows.lock` is a leaf. It is held over only one longer step: the making of a
 * nameless file, so that two opens make one view. */
#include "node/cows.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/lock.h"
#include "model/journal/state_directory.h"

struct cow_file { /* exists as long as its node is open */
    uint64_t node, number, chain;
    unsigned opens;
    struct cow *cow; /* NULL: not opened for writing so far */
    struct cow_file *next;
};

void cows_init(struct cows *all, uint64_t most)
{
    *all = (struct cows){.most = most};
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->gone, NULL);
}

static void drop(struct cows *all, struct cow_file **at)
{
    struct cow_file *f = *at;
    *at = f->next;
    all->n -= f->cow != NULL;
    cow_unref(f->cow);
    free(f);
}

void cows_destroy(struct cows *all)
{
    while (all->first)
        drop(all, &all->first);
    pthread_cond_destroy(&all->gone);
    pthread_mutex_destroy(&all->lock);
}

/* Returns the link to the node's file; *link is NULL if the node is not open. */
static struct cow_file **find(struct cows *all, uint64_t node)
{
    struct cow_file **at = &all->first;
    while (*at && (*at)->node != node)
        at = &(*at)->next;
    return at;
}

/* Tells whether the file is open through another node, and either open writes. */
static bool is_open_elsewhere(const struct cows *all, const struct cow_open *o)
{
    for (const struct cow_file *f = all->first; f; f = f->next)
        if (f->number == o->number && f->node != o->node && (f->cow || o->writes))
            return true;
    return false;
}

/* Tells whether a close may be on its way that this open should wait for. Such a close drops an old
 * view, or frees a place for a new one. */
static bool may_be_closing(struct cows *all, const struct cow_open *o)
{
    const struct cow_file *f = *find(all, o->node);
    return (f && f->cow) || (o->writes && all->n == COWS_MAX) || is_open_elsewhere(all, o);
}

/* Waits for closes that are on their way, so that a file that is closed and opened again begins
 * anew. */
static void await_closes(struct cows *all, const struct cow_open *o)
{
    uint64_t until = clock_ns() + COWS_CLOSE_MS * CLOCK_MS;
    while (may_be_closing(all, o) && clock_wait(&all->gone, &all->lock, until))
        continue;
}

static int make_view(struct cows *all, const struct cow_open *o, struct cow_file *f, struct err *e)
{
    if (all->n == COWS_MAX)
        return err_fail(e, ENOSPC, "%d .cow files are open for writing already; close one of them",
                        COWS_MAX);
    int fd = state_nameless_file(e);
    int r = fd < 0 ? fd : cow_new(fd, o->size, all->most, &f->cow, e);
    all->n += r == 0;
    return r;
}

static int open_locked(struct cows *all, const struct cow_open *o, bool *ret_first, struct err *e)
{
    await_closes(all, o);
    struct cow_file **at = find(all, o->node);
    *ret_first = !*at;
    if (!*at)
        *at = calloc(1, sizeof(**at));
    struct cow_file *f = *at;
    if (!f)
        return err_nomem(e);
    if (*ret_first)
        *f = (struct cow_file){.node = o->node, .number = o->number, .chain = o->chain};
    int r = 0;
    if (f->chain != o->chain || is_open_elsewhere(all, o))
        r = err_fail(e, EBUSY,
                     "the files of the image have changed while this .cow file was open; close it "
                     "everywhere first");
    if (r == 0 && o->writes && !f->cow)
        r = make_view(all, o, f, e);
    if (r == 0)
        f->opens++;
    else if (*ret_first)
        drop(all, at);
    return r;
}

int cows_open(struct cows *all, const struct cow_open *o, bool *ret_first, struct err *e)
{
    autolock(&all->lock);
    return open_locked(all, o, ret_first, e);
}

bool cows_close(struct cows *all, uint64_t node)
{
    bool last = false;
    autolock(&all->lock);
    struct cow_file **at = find(all, node);
    if (*at && !--(*at)->opens) {
        drop(all, at);
        last = true;
        pthread_cond_broadcast(&all->gone);
    }
    return last;
}

void cows_renewed(struct cows *all, uint64_t node, uint64_t before, uint64_t chain)
{
    autolock(&all->lock);
    struct cow_file *f = *find(all, node);
    if (f && f->chain == before)
        f->chain = chain;
}

struct cow *cows_get(struct cows *all, uint64_t node)
{
    autolock(&all->lock);
    const struct cow_file *f = *find(all, node);
    return f && f->cow ? cow_ref(f->cow) : NULL;
}
