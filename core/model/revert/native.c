/* SPDX-License-Identifier: GPL-3.0-or-later */
/* native.c - see native.h. No locks of its own: called under the domain's operation and its
 * journal.
 *
 *     step     before it                      after it
 *     revert   the domain is as it was        it is as at the snapshot, which is current
 *     remove   its old files may be unused    those that nothing needs are gone
 *
 * If the revert was cut off and the snapshot is not current, libvirt's daemon was killed during the
 * revert. snapfs asks for it once more if the caller still waits, or if the domain is shut off,
 * because some of its disks may be reverted. A domain that runs is left as it is.
 */
#include "model/revert/native.h"

#include <string.h>

#include "base/file_id.h"
#include "model/change/jobs.h"
#include "model/change/outcome.h"
#include "model/change/procedures.h"
#include "model/change/fingerprint.h"
#include "model/revert/failed.h"
#include "model/state.h"
#include "model/storage/volumes.h"
#include "virt/xml.h"

struct native {
    struct procedure p;
    char *current; /* "" for none */
    unsigned flags;
    uint64_t snapshots; /* fingerprint_snapshots */
    struct reclaim left;

    /* ---- not in the journal ---- */
    enum failed_end end;
    bool again; /* libvirt was asked once more */
};

static struct native *of(const struct procedure *p)
{
    return (struct native *)(uintptr_t)p;
}

/* ---- the steps ---- */

static enum step_fit fits_revert(const struct procedure *p)
{
    const struct native *n = of(p);
    bool same = domain_find_name(n->p.now, p->snapshot) &&
                fingerprint_snapshots(n->p.now) == n->snapshots &&
                procedure_is_current(p, n->current);
    return same ? STEP_FITS : STEP_CHANGED;
}

static int run_revert(struct procedure *p, struct err *e)
{
    struct native *n = of(p);
    struct failed failed __attribute__((cleanup(failed_drop))) = {0};
    const struct snapshot *s = domain_find_name(n->p.now, p->snapshot);
    int r = p->m->is_test ? 0 : failed_note(&failed, p->m, n->p.now, s, e);
    if (r < 0)
        return r;
    r = virt_snapshot_revert(p->m->virt, p->uuid, p->snapshot, n->flags, e);
    if (r < 0 && !p->m->is_test && !err_is_open(e))
        r = failed_settle(&failed, &n->end, e);
    return r;
}

/* Removes the unused files. It runs after every end of the revert, because it keeps each file that
 * a user needs. */
static int run_remove(struct procedure *p, struct err *e)
{
    struct native *n = of(p);
    struct err why;
    if (reclaim_remove(p->m, n->p.now, &n->left, NULL, p->remark, &why) == 0)
        return 0;
    if (err_is_unsure(&why))
        return err_fail(e, why.no, "%s", why.text);
    text_add(p->remark, "; its earlier files are left: %s", why.text);
    return 0;
}

static bool wants_remove(const struct procedure *p)
{
    return of(p)->left.n;
}

static int undo(struct procedure *p, struct err *e)
{
    return p->gone || !of(p)->left.n ? 0 : run_remove(p, e);
}

/* ---- after the revert was cut off ---- */

static bool is_left(const struct native *n, const char *path)
{
    bool is = false;
    for (size_t i = 0; path && i < n->left.n; i++) {
        const struct unused_file *file = &n->left.items[i];
        is |= file->what == LEFT_TOP && file_has_id_at(path, file->dev, file->ino);
    }
    return is;
}

/* Returns whether a disk is still on the overlay that the revert takes it from. */
static bool is_on_left(const struct native *n)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    bool on = false;
    if (xml_domain_parse(n->p.now->xml, &x, NULL) < 0)
        return false;
    for (size_t i = 0; i < x->n_disks; i++)
        on |= is_left(n, volumes_file(n->p.now->volumes, &x->disks[i].source));
    return on;
}

static bool leaves_top(const struct native *n)
{
    bool leaves = false;
    for (size_t i = 0; i < n->left.n; i++)
        leaves |= n->left.items[i].what == LEFT_TOP;
    return leaves;
}

/* Returns whether the revert is done. libvirt moves the current mark last. If the mark was at the
 * snapshot before, only a disk that has moved tells. */
static bool is_done(const struct native *n)
{
    bool moves = strcmp(n->current, n->p.snapshot) != 0;
    return procedure_is_current(&n->p, n->p.snapshot) && !is_on_left(n) && (moves || leaves_top(n));
}

/* Returns whether snapfs may call libvirt's revert once more, in the present state. */
static bool may_again(struct native *n)
{
    autofindings struct revert_findings found = {0};
    const struct snapshot *s = domain_find_name(n->p.now, n->p.snapshot);
    struct err ignored;
    return !n->again && fits_revert(&n->p) == STEP_FITS && (!n->p.late || !n->p.now->active) &&
           guard_revert(n->p.m, n->p.now, s, n->flags, &found, &ignored) == 0 &&
           found.way == GUARD_NATIVE;
}

static int resume(struct procedure *p, int *ret_next, struct err *e)
{
    struct native *n = of(p);
    int r = jobs_wait(p->m, n->p.now, e);
    if (r == 0)
        r = procedure_look(p, e);
    if (r < 0)
        return r;
    bool done = p->step > 0 || is_done(n);
    bool again = !done && may_again(n);
    n->again |= again;
    *ret_next = done ? 1 : again ? 0 : NEXT_UNDO;
    return 0;
}

/* ---- the procedure ---- */

static const struct field_list left = RECLAIM_LIST(struct native, left);

static const struct field rows[] = {
    FIELD_ROW("current", FIELD_TEXT, native, current),
    FIELD_ROW("state", FIELD_UNSIGNED, native, flags),
    FIELD_ROW("state", FIELD_U64, native, snapshots),
    RECLAIM_ROWS(&left),
};

static const struct step steps[] = {
    {"revert", run_revert, NULL, fits_revert, STEP_ONCE | STEP_WITH_PLAN, NULL},
    {"remove", run_remove, wants_remove, NULL, STEP_BOUND, NULL},
};

const struct procedure_kind native_kind = {
    .word = "native",
    .version = 1,
    .noun = "the revert to",
    .fields = FIELDS_OF(rows),
    .size = sizeof(struct native),
    .steps = steps,
    .n_steps = sizeof(steps) / sizeof(*steps),
    .commit_at = 1,
    .look = procedure_look,
    .resume = resume,
    .undo = undo,
    .drop = procedure_drop_now,
};

/* Reverts, and settles a failure. The domain does not tell whether libvirt reverted it, only its
 * present state. */
int native_revert(struct operation *t, const struct snapshot *s, unsigned flags,
                  struct revert_findings *found, struct text *remark, struct err *e)
{
    struct outcome o = {.before = t->domain};
    struct native n = {.p.kind = &native_kind,
                       .current = procedure_current(t->domain),
                       .flags = flags,
                       .snapshots = fingerprint_snapshots(t->domain),
                       .left = reclaim_take(&found->left)};
    int r = procedure_begin(&n.p, t->m, t->journal, t->domain, s->name, remark, e);
    if (r == 0)
        r = n.current ? procedure_run(&n.p, e) : err_nomem(e);
    if (r < 0 && n.end == FAILED_UNTOUCHED)
        r = outcome_settle(t->m, &o, remark, e);
    procedure_drop(&n.p);
    return r;
}
