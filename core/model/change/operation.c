/* SPDX-License-Identifier: GPL-3.0-or-later */
/* operation.c - see change/operation.h. Locks: a place in the queue, then the domain's lock
 * (journal/domain_lock.h) and journal (journal/journal.h), from operation_begin to operation_end.
 * model/state.h has the order. */
#include "model/change/operation.h"

#include <errno.h>
#include <string.h>

#include "model/activity/progress.h"
#include "model/activity/queue.h"
#include "model/activity/task.h"
#include "model/catalog/catalog.h"
#include "model/change/fingerprint.h"
#include "model/change/lasting.h"
#include "model/change/recover.h"
#include "model/change/rounds.h"
#include "model/journal/domain_lock.h"
#include "model/journal/unfinished.h"
#include "model/reader/open_marks.h"
#include "model/state.h"

void operation_end(struct operation *t)
{
    if (!t->entry)
        return;
    model_changed(t->m, t->entry);
    if (t->before)
        lasting_keep(t->m, t->before);
    domain_unref(t->before);
    domain_unref(t->asked);
    domain_unref(t->domain);
    open_marks_count(t->m);
    bool left = t->journal && !t->recovers && journal_is_left(t->journal);
    journal_close(t->journal);
    unfinished_close(t->unfinished);
    domain_lock_release(t->lock);
    progress_end(t->m->activity, t->work);
    queue_leave(t->m->activity, &t->work->queue, &t->place);
    work_done(t->m->activity, t->work);
    model_entry_done(t->m, t->entry);
    if (left)
        rounds_ask(t->m->rounds);
}

/* Enters the domain's queue. */
static int enter(struct operation *t, struct model *m, const char *uuid, struct err *e)
{
    struct entry *en = model_entry(m, uuid);
    struct work *w = en ? work_get(m->activity, uuid) : NULL;
    struct domain *asked = w ? entry_latest(m, en) : NULL; /* what the caller has seen */
    int r = w ? queue_enter(m->activity, &w->queue, &t->place, e) : err_nomem(e);
    if (r == 0) {
        t->m = m;
        t->entry = en;
        t->work = w;
        t->asked = asked;
        progress_begin(m->activity, w);
        return 0;
    }
    domain_unref(asked);
    if (w)
        work_done(m->activity, w);
    if (en)
        model_entry_done(m, en);
    return r;
}

static int lock_both(struct operation *t, const char *uuid, bool wait, struct err *e)
{
    int r = t->lock ? 0 : domain_lock_take(t->m->virt, uuid, wait, &t->lock, e);
    return r < 0 ? r : journal_open(uuid, wait, &t->journal, e);
}

/* Opens the journal, once no other process is at work on the domain, and recovers what it
 * records. */
static int open_journal(struct operation *t, const char *uuid, struct err *e)
{
    int r = lock_both(t, uuid, false, e);
    if (r == -EAGAIN) {
        progress_set(PROGRESS_WAITS, 0, 0);
        r = lock_both(t, uuid, true, e);
        progress_set("", 0, 0);
    }
    if (r == 0)
        r = unfinished_open(t->m->virt, uuid, &t->unfinished, e);
    if (r == 0)
        r = journal_share(t->journal, t->unfinished, e);
    return r == 0 ? recover_domain(t->m, t->journal, uuid, e) : r;
}

int operation_begin(struct operation *t, struct model *m, const char *uuid, struct err *e)
{
    if (m->options.readonly)
        return err_fail(e, EROFS, "the mount is read-only");
    int r = enter(t, m, uuid, e);
    if (r == 0 && !m->is_test)
        r = open_journal(t, uuid, e);
    if (r == 0)
        r = model_domain_now(m, uuid, &t->domain, e);
    progress_set("finding out which files it would change", 0, 0);
    return r;
}

/* Finds the snapshot of that ident, or the same one under another ident. */
static int find_snapshot(const struct operation *t, uint64_t ident, const struct snapshot **ret,
                         struct err *e)
{
    *ret = domain_find_ident(t->domain, ident);
    const struct snapshot *was = t->asked ? domain_find_ident(t->asked, ident) : NULL;
    if (!*ret && was)
        *ret = domain_find_same(t->domain, was);
    if (*ret && (!was || (*ret)->ident == ident || (*ret)->number == was->number))
        return 0;
    return err_fail(e, ESTALE, "the snapshot was deleted or made again meanwhile");
}

int operation_begin_on(struct operation *t, struct model *m, const char *uuid, uint64_t ident,
                       const struct snapshot **ret, struct err *e)
{
    int r = operation_begin(t, m, uuid, e);
    return r == 0 ? find_snapshot(t, ident, ret, e) : r;
}

int operation_recover(struct model *m, const char *uuid, struct err *e)
{
    autooperation struct operation t = {.recovers = true};
    int r = enter(&t, m, uuid, e);
    return r == 0 ? open_journal(&t, uuid, e) : r;
}

int operation_read_again(struct operation *t, struct err *e)
{
    char uuid[VIRT_UUID_LEN + 1];
    memcpy(uuid, t->domain->uuid, sizeof(uuid));
    domain_unref(take(t->domain));
    return model_domain_now(t->m, uuid, &t->domain, e);
}

void operation_renumber(struct operation *t)
{
    domain_unref(take(t->before));
}

static bool same_snapshots(const struct domain *a, const struct domain *b)
{
    bool same = a->n == b->n && a->n_unreadable == b->n_unreadable;
    for (size_t i = 0; same && i < a->n; i++) {
        const struct snapshot *x = a->by_ident[i], *y = b->by_ident[i];
        same = x->ident == y->ident &&
               (x->parent ? x->parent->ident : 0) == (y->parent ? y->parent->ident : 0);
    }
    return same && (a->current ? a->current->ident : 0) == (b->current ? b->current->ident : 0);
}

static bool same_disks(const struct domain *a, const struct domain *b)
{
    uint64_t x = 0, y = 0;
    struct err ignored;
    return fingerprint_config(a->xml, &x, &ignored) == 0 &&
           fingerprint_config(b->xml, &y, &ignored) == 0 && x == y;
}

bool operation_sees_same(const struct domain *a, const struct domain *b)
{
    return same_disks(a, b) && same_snapshots(a, b) && a->active == b->active;
}

void operation_begins_change(struct operation *t)
{
    if (!t->before)
        t->before = domain_ref(t->domain);
}

int operation_confirm(struct operation *t, struct err *e)
{
    struct domain *now autodestroy(domain_unref) = NULL;
    if (task_check(e) < 0)
        return err_fail(e, EINTR, "it was interrupted; nothing was done");
    int r = model_domain_now(t->m, t->domain->uuid, &now, e);
    if (r < 0)
        return r;
    if (!operation_sees_same(t->domain, now))
        return err_fail(e, EBUSY, "another program changed the domain meanwhile; nothing was done");
    operation_begins_change(t);
    return 0;
}
