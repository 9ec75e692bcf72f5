/* SPDX-License-Identifier: GPL-3.0-or-later */
/* late.c - see late.h. No locks. */
#include "fuse/late.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/interrupt.h"
#include "model/reader/changes.h"

static void late_free(struct late *l)
{
    if (l)
        free(l->name);
    free(l);
}
MEM_CLEANUP(struct late, late_free)

static struct late *late_copy(const struct late *from)
{
    autodestroy(late_free) struct late *l = malloc(sizeof(*l));
    if (!l)
        return NULL;
    *l = *from;
    l->waits = true;
    l->name = from->name ? strdup(from->name) : NULL;
    return l->name || !from->name ? take(l) : NULL;
}

bool late_is_interrupted(fuse_req_t req)
{
    pid_t pid = fuse_req_ctx(req)->pid;
    return pid ? interrupt_pending(pid) : fuse_req_interrupted(req) != 0;
}

int late_look(void *ctx, struct err *e)
{
    const struct late *l = ctx;
    if (tasks_are_closed(&fs_of(l->req)->tasks))
        return err_fail(e, ESHUTDOWN, "the mount is ending");
    if (late_is_interrupted(l->req))
        return err_fail(e, EINTR, "it was interrupted while it waited for another operation");
    return 0;
}

static int attempt(void *ctx, struct err *e)
{
    struct late *l = ctx;
    return l->attempt(l, e);
}

static void run(void *data)
{
    autodestroy(late_free) struct late *l = data;
    struct fs *fs = fs_of(l->req);
    char uuid[sizeof(l->place.uuid)];
    struct err e = {0};
    memcpy(uuid, l->place.uuid, sizeof(uuid));
    struct changes c = {.m = fs->tree.model,
                        .uuid = uuid,
                        .attempt = attempt,
                        .look = late_look,
                        .ctx = l,
                        .tries = 1};
    int r = changes_outlast(&c, &e);
    l->answer(l, r, &e);
    atomic_fetch_sub(&fs->n_late, 1);
}

/* Lets the request wait on a thread. Returns false if there is no memory or thread, or if too many
 * requests wait. */
static bool wait_on_thread(const struct late *from)
{
    struct fs *fs = fs_of(from->req);
    struct err ignored;
    bool room = atomic_fetch_add(&fs->n_late, 1) < LATE_MAX;
    autodestroy(late_free) struct late *l = room ? late_copy(from) : NULL;
    if (l && tasks_watch(&fs->tasks, run, l, &ignored) == 0) {
        take(l);
        return true;
    }
    atomic_fetch_sub(&fs->n_late, 1);
    return false;
}

void late_run(const struct late *from)
{
    struct late l = *from;
    struct err e = {0};
    int r = l.attempt(&l, &e);
    if (r <= 0)
        l.answer(&l, r, &e);
    else if (!wait_on_thread(&l))
        l.answer(&l, -e.no, &e);
}

/* Tells whether no operation can be the cause of the failure. */
static bool is_final(const struct err *e)
{
    bool refused = e->no == EROFS || e->no == EISDIR || e->no == EPERM || e->no == ENOSPC;
    return refused || err_is_open(e);
}

/* Tells whether the failure describes the image itself, if no operation is under way. */
static bool is_known(const struct err *e)
{
    return e->no == ENOENT || e->no == EINVAL || e->no == EACCES || e->no == EOPNOTSUPP;
}

int late_reason(struct fs *fs, const char *uuid, const struct snapshot_disk *disk,
                const struct err *e)
{
    if (is_final(e))
        return -e->no;
    enum changes_now now = changes_now(fs->tree.model, uuid, disk);
    if (now == CHANGES_SPARE || (now == CHANGES_NONE && is_known(e)))
        return -e->no;
    return e->no == EBUSY || e->no == ESTALE ? CHANGES_ANYWHERE : CHANGES_HERE;
}
