/* SPDX-License-Identifier: GPL-3.0-or-later */
/* operation.c - see change/operation.h. Locks: a place in entry->queue and then the domain's
 * lock (journal/domain_lock.h) and journal (journal/journal.h), from turn_begin to turn_end
 * (catalog/catalog.h has the order). */
#include "model/change/operation.h"

#include <errno.h>
#include <string.h>

#include "model/catalog/catalog.h"
#include "model/change/lasting.h"
#include "model/change/settler.h"
#include "model/change/fingerprint.h"
#include "model/change/recover.h"
#include "model/reader/open_marks.h"
#include "model/activity/task.h"
#include "model/journal/domain_lock.h"
#include "model/journal/unfinished.h"

void turn_end(struct turn *t)
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
    progress_end(t->m, t->entry);
    queue_leave(t->m, &t->entry->queue, &t->place);
    model_entry_done(t->m, t->entry);
    if (left)
        settler_ask(t->m->settler);
}

/* What the caller has seen of the domain, NULL for nothing. */
static struct domain *known(struct model *m, struct entry *en)
{
    pthread_mutex_lock(&m->lock);
    struct domain *d = en->latest ? domain_ref(en->latest) : NULL;
    pthread_mutex_unlock(&m->lock);
    return d;
}

/* The place in the queue. */
static int enter(struct turn *t, struct model *m, const char *uuid, struct err *e)
{
    struct entry *en = model_entry(m, uuid);
    if (!en)
        return err_nomem(e);
    t->asked = known(m, en);
    int r = queue_enter(m, &en->queue, &t->place, e);
    if (r < 0) {
        domain_unref(take(t->asked));
        model_entry_done(m, en);
        return r;
    }
    t->m = m;
    t->entry = en;
    progress_begin(m, en);
    return 0;
}

static int lock_both(struct turn *t, const char *uuid, bool wait, struct err *e)
{
    int r = t->lock ? 0 : domain_lock_take(t->m->virt, uuid, wait, &t->lock, e);
    return r < 0 ? r : journal_open(uuid, wait, &t->journal, e);
}

/* The journal, once no other process is at work on the domain, and what stands in it. */
static int open_journal(struct turn *t, const char *uuid, struct err *e)
{
    int r = lock_both(t, uuid, false, e);
    if (r == -EAGAIN) {
        progress_set("waiting for another program's operation", 0, 0);
        r = lock_both(t, uuid, true, e);
        progress_set("", 0, 0);
    }
    if (r == 0)
        r = unfinished_open(t->m->virt, uuid, &t->unfinished, e);
    if (r == 0)
        r = journal_share(t->journal, t->unfinished, e);
    return r == 0 ? recover_domain(t->m, t->journal, uuid, e) : r;
}

int turn_begin(struct turn *t, struct model *m, const char *uuid, struct err *e)
{
    if (m->options.readonly)
        return err_fail(e, EROFS, "the mount is read-only");
    int r = enter(t, m, uuid, e);
    if (r == 0 && !m->is_test)
        r = open_journal(t, uuid, e);
    if (r == 0)
        r = model_domain_now(m, uuid, &t->domain, e);
    progress_set("finding out what it would change", 0, 0);
    return r;
}

int turn_recover(struct model *m, const char *uuid, struct err *e)
{
    autoturn struct turn t = {.recovers = true};
    int r = enter(&t, m, uuid, e);
    return r == 0 ? open_journal(&t, uuid, e) : r;
}

int turn_again(struct turn *t, struct err *e)
{
    char uuid[VIRT_UUID_LEN + 1];
    memcpy(uuid, t->domain->uuid, sizeof(uuid));
    domain_unref(take(t->domain));
    return model_domain_now(t->m, uuid, &t->domain, e);
}

int turn_snapshot(const struct turn *t, uint64_t ident, const struct snapshot **ret, struct err *e)
{
    *ret = domain_find_ident(t->domain, ident);
    const struct snapshot *was = t->asked ? domain_find_ident(t->asked, ident) : NULL;
    if (!*ret && was)
        *ret = domain_find_same(t->domain, was);
    if (*ret && (!was || (*ret)->ident == ident || (*ret)->number == was->number))
        return 0;
    return err_fail(e, ESTALE, "the snapshot was deleted or made again meanwhile");
}

void turn_renumber(struct turn *t)
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
    return print_config(a->xml, &x, &ignored) == 0 && print_config(b->xml, &y, &ignored) == 0 &&
           x == y;
}

bool turn_is_same(const struct domain *a, const struct domain *b)
{
    return same_disks(a, b) && same_snapshots(a, b) && a->active == b->active;
}

void turn_begins_change(struct turn *t)
{
    if (!t->before)
        t->before = domain_ref(t->domain);
}

int turn_confirm(struct turn *t, struct err *e)
{
    struct domain *now autodestroy(domain_unref) = NULL;
    if (task_check(e) < 0)
        return err_fail(e, EINTR, "it was interrupted; nothing was done");
    int r = model_domain_now(t->m, t->domain->uuid, &now, e);
    if (r < 0)
        return r;
    if (!turn_is_same(t->domain, now))
        return err_fail(e, EBUSY, "someone else changed the domain meanwhile; nothing was done");
    turn_begins_change(t);
    return 0;
}
