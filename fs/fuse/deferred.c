/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deferred.c - see deferred.h. No locks. */
#include "fuse/deferred.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuse/interrupt.h"
#include "model/reader/changes.h"

static void deferred_free(struct deferred *d)
{
    if (d)
        free(d->name);
    free(d);
}
MEM_CLEANUP(struct deferred, deferred_free)

static struct deferred *deferred_copy(const struct deferred *from)
{
    autodestroy(deferred_free) struct deferred *d = malloc(sizeof(*d));
    if (!d)
        return NULL;
    *d = *from;
    d->waits = true;
    d->name = from->name ? strdup(from->name) : NULL;
    return d->name || !from->name ? take(d) : NULL;
}

int deferred_look(void *ctx, struct err *e)
{
    const struct deferred *d = ctx;
    if (tasks_are_closed(&fs_of(d->req)->tasks))
        return err_fail(e, ESHUTDOWN, "the mount is ending");
    if (interrupt_of_request(d->req))
        return err_fail(e, EINTR, "it was interrupted while it waited for another operation");
    return 0;
}

static int attempt(void *ctx, struct err *e)
{
    struct deferred *d = ctx;
    return d->attempt(d, e);
}

static void run(void *data)
{
    autodestroy(deferred_free) struct deferred *d = data;
    struct fs *fs = fs_of(d->req);
    char uuid[sizeof(d->place.uuid)];
    struct err e = {0};
    memcpy(uuid, d->place.uuid, sizeof(uuid));
    struct changes c = {.m = fs->tree.model,
                        .uuid = uuid,
                        .attempt = attempt,
                        .look = deferred_look,
                        .ctx = d,
                        .tries = 1};
    int r = changes_outlast(&c, &e);
    d->answer(d, r, &e);
    atomic_fetch_sub(&fs->n_deferred, 1);
}

/* Lets the request wait on a thread. Returns false if there is no memory or thread, or if too many
 * requests wait. */
static bool wait_on_thread(const struct deferred *from)
{
    struct fs *fs = fs_of(from->req);
    struct err ignored;
    bool room = atomic_fetch_add(&fs->n_deferred, 1) < DEFERRED_MAX;
    autodestroy(deferred_free) struct deferred *d = room ? deferred_copy(from) : NULL;
    if (d && tasks_watch(&fs->tasks, run, d, &ignored) == 0) {
        take(d);
        return true;
    }
    atomic_fetch_sub(&fs->n_deferred, 1);
    return false;
}

/* Tells whether a thread of snapfs makes the request. It may be the very thread that runs the
 * operation. */
static bool is_own(fuse_req_t req)
{
    pid_t thread = fuse_req_ctx(req)->pid;
    return thread > 0 && tgkill(getpid(), thread, 0) == 0;
}

void deferred_run(const struct deferred *from)
{
    struct deferred d = *from;
    struct err e = {0};
    int r = d.attempt(&d, &e);
    if (r <= 0)
        d.answer(&d, r, &e);
    else if (is_own(d.req) || !wait_on_thread(&d))
        d.answer(&d, -e.no, &e);
}

/* Tells whether no operation can be the cause of the failure. */
static bool is_final(const struct err *e)
{
    bool refused = e->no == EROFS || e->no == EISDIR || e->no == EPERM || e->no == ENOSPC;
    return refused || err_is_open(e);
}

/* Tells whether the failure is a property of the image itself. That holds only if no operation is
 * under way. */
static bool is_known(const struct err *e)
{
    return e->no == ENOENT || e->no == EINVAL || e->no == EACCES || e->no == EOPNOTSUPP;
}

int deferred_reason(struct fs *fs, const char *uuid, const struct snapshot_disk *disk,
                    const struct err *e)
{
    if (is_final(e))
        return -e->no;
    enum changes_now now = changes_now(fs->tree.model, uuid, disk);
    if (now == CHANGES_SPARE || (now == CHANGES_NONE && is_known(e)))
        return -e->no;
    return e->no == EBUSY || e->no == ESTALE ? CHANGES_ANYWHERE : CHANGES_HERE;
}
