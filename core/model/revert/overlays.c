/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlays.c - see revert/overlays.h: the steps in order, and the end of a revert that was cut off.
 * No locks of its own: called under the domain's operation and its journal.
 *
 * Until the guest is stopped, the domain is as it was, except that it may be defined anew. The
 * revert has left only files that no domain has, so it is undone, and the files are removed. It is
 * also undone if QEMU then does not start. From there on the rest is done.
 */
#include "model/revert/overlays.h"

#include <errno.h>
#include <string.h>

#include "model/change/fingerprint.h"
#include "model/change/procedures.h"
#include "model/revert/failed.h"
#include "model/revert/overlays_steps.h"
#include "model/state.h"
#include "virt/change.h"

static struct revert *of(const struct procedure *p)
{
    return (struct revert *)(uintptr_t)p;
}

/* ---- the present state ---- */

/* Notes whether the domain runs on the overlays. Without overlays it does only if it was to be
 * started. */
static int note_overlays(struct revert *rv, struct err *e)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    const struct domain *now = rv->p.now;
    rv->on_overlays = now->active && (rv->n || rv->p.step >= REVERT_START);
    int r = rv->on_overlays ? xml_domain_parse(now->xml, &x, e) : 0;
    for (size_t i = 0; r == 0 && rv->on_overlays && i < rv->n; i++)
        rv->on_overlays = procedure_is_on(x, rv->disks[i].target, rv->disks[i].overlay);
    return r;
}

static int look(struct procedure *p, struct err *e)
{
    struct revert *rv = of(p);
    autofree char *config = NULL;
    int r = procedure_look(p, e);
    if (r == 0)
        r = virt_domain_status(p->m->virt, p->uuid, p->now->active, &rv->status, e);
    if (r == 0 && p->now->active)
        r = virt_domain_xml(p->m->virt, p->uuid, true, &config, e);
    if (r == 0)
        r = note_overlays(rv, e);
    return r == 0 ? fingerprint_config(config ? config : p->now->xml, &rv->config_now, e) : r;
}

/* Returns whether the domain is on the disks, and in the state, that the step begins with. */
static bool fits_disks(const struct revert *rv, int step)
{
    bool before = rv->config_now == rv->config_before, after = rv->config_now == rv->config_after;
    bool active = rv->p.now->active, idle = rv->active && !rv->status.block_job;
    switch (step) {
    case REVERT_MAKE:
        return before && active == rv->active;
    case REVERT_DEFINE:
        return (before || after) && (!active || idle);
    case REVERT_STOP:
        return after && (!active || idle || rv->on_overlays);
    case REVERT_START:
        return after && (!active || rv->on_overlays);
    default:
        return after;
    }
}

/* Returns whether the right snapshot is current. An older version of snapfs marked the snapshot
 * before the start. */
static bool fits_current(const struct revert *rv, int step)
{
    if (step <= REVERT_MARK && procedure_is_current(&rv->p, rv->current))
        return true;
    return (step >= REVERT_MARK || !rv->config) && procedure_is_current(&rv->p, rv->p.snapshot);
}

static enum step_fit fits(const struct procedure *p)
{
    const struct revert *rv = of(p);
    bool same = p->now->persistent && !rv->status.managed_save &&
                fingerprint_snapshots(p->now) == rv->snapshots && fits_disks(rv, p->next) &&
                fits_current(rv, p->next);
    return same ? STEP_FITS : STEP_CHANGED;
}

/* ---- undo ---- */

static int undo_step(const struct procedure *p)
{
    bool defined = p->step >= REVERT_DEFINE && p->step != REVERT_UNDO;
    return defined ? REVERT_BACK : REVERT_UNDO;
}

/* Gives the domain back the configuration that it had, unless it still has it. If another program
 * has changed it meanwhile, that is left alone. */
static int define_old(struct revert *rv, struct err *e)
{
    if (rv->config_now == rv->config_before)
        return 0;
    if (rv->on_overlays || rv->config_now != rv->config_after || !rv->config)
        return err_fail(e, EBUSY, "another program changed the domain meanwhile");
    int r = virt_domain_define(rv->p.m->virt, rv->config, e);
    if (r == 0)
        r = look(&rv->p, e);
    if (r == 0 && rv->config_now != rv->config_before)
        r = err_fail(e, EIO, "libvirt has not restored the domain's earlier configuration");
    return r;
}

/* Undoes the revert of a domain that is gone. Nothing is left that could need the overlays, if
 * anything ever did. */
static int undo_gone(struct revert *rv, struct err *e)
{
    int r = revert_drop_scratch(rv, e);
    return r == 0 && rv->p.step == REVERT_UNDO ? revert_drop_overlays(rv, e) : r;
}

/* Undoes the revert: all is as before, except that a guest which was stopped stays so. No domain
 * has the overlays, so they are removed. */
static int undo(struct procedure *p, struct err *e)
{
    struct revert *rv = of(p);
    if (p->gone)
        return undo_gone(rv, e);
    int r = p->step == REVERT_BACK ? define_old(rv, e) : 0;
    if (r == 0)
        r = revert_drop_scratch(rv, e);
    if (r == 0)
        r = look(p, e);
    if (r == 0)
        r = revert_drop_overlays(rv, e);
    if (r == 0 && !p->late && rv->active && !p->now->active)
        text_add(p->remark, "%s", FAILED_STOPPED);
    return r;
}

/* ---- how it goes on ---- */

/* Returns whether the guest that is to be stopped still runs on the disks of the domain's old
 * configuration. */
static bool is_as_before(const struct revert *rv)
{
    uint64_t live = 0;
    return rv->p.now->active && !rv->on_overlays && rv->config_now == rv->config_after &&
           rv->config && fingerprint_config(rv->p.now->xml, &live, NULL) == 0 &&
           live == rv->config_before;
}

/* Decides how to go on if the domain has changed. If another program has the domain now, snapfs
 * does nothing more to it and leaves the files that it may be on. */
static int unfit(const struct revert *rv)
{
    bool undone = !rv->p.now || rv->p.step < REVERT_DEFINE || is_as_before(rv);
    return undone ? NEXT_UNDO : NEXT_LEAVE;
}

/* Decides how to go on after a failed start. The rest is done if QEMU has started nevertheless, or
 * if the journal, of an older version of snapfs, does not tell the domain's earlier state. */
static int start_failed(struct revert *rv, struct err *e)
{
    struct err ignored;
    bool goes_on = !rv->config || (look(&rv->p, &ignored) == 0 && rv->on_overlays);
    if (goes_on)
        err_fail(&rv->p.failure, e->no, "the disks are those of the snapshot, but: %s", e->text);
    return goes_on ? REVERT_MARK : NEXT_UNDO;
}

static int stopped(struct procedure *p, enum step_end how, struct err *e)
{
    if (how == STEP_UNFIT)
        return unfit(of(p));
    if (how == STEP_FAILED && p->next == REVERT_START)
        return start_failed(of(p), e);
    return procedure_stopped(p, how);
}

/* Finds the step to go on with. A guest that still runs on the disks it had goes on. */
static int resume(struct procedure *p, int *ret_next, struct err *e)
{
    const struct revert *rv = of(p);
    bool active = p->now->active, early = p->step < REVERT_DEFINE || p->step >= REVERT_BACK;
    (void)e;
    if (early || p->step > REVERT_STOP)
        *ret_next = early ? NEXT_UNDO : p->step;
    else if (rv->on_overlays)
        *ret_next = REVERT_START;
    else if (p->step == REVERT_STOP && !rv->config && rv->config_now == rv->config_before)
        *ret_next = rv->active && !active ? REVERT_DEFINE : NEXT_UNDO;
    else
        *ret_next = active ? NEXT_UNDO : p->step;
    return 0;
}

/* ---- the procedure ---- */

/* The step `remove` finds out itself what it needs. */
static const struct step steps[] = {
    [REVERT_MAKE] = {"make", revert_run_make, NULL, fits, STEP_ONCE, NULL},
    [REVERT_DEFINE] = {"define", revert_run_define, NULL, fits, STEP_LASTING, NULL},
    [REVERT_STOP] = {"stop", revert_run_stop, NULL, fits, 0, NULL},
    [REVERT_START] = {"start", revert_run_start, NULL, fits, STEP_BOUND, NULL},
    [REVERT_MARK] = {"mark", revert_run_mark, NULL, fits, STEP_BOUND, NULL},
    [REVERT_FORK] = {"fork", revert_run_fork, NULL, fits, 0, NULL},
    [REVERT_REMOVE] = {"remove", revert_run_remove, NULL, NULL, 0, "its earlier disks are left"},
    [REVERT_BACK] = {.name = "back"},
    [REVERT_UNDO] = {.name = "undo"},
};

const struct procedure_kind revert_kind = {
    .word = "revert",
    .version = 3,
    .oldest = 2,
    .noun = "the revert to",
    .left = "it is left as it is, and so are its files",
    .fields = {revert_rows, REVERT_ROWS},
    .size = sizeof(struct revert),
    .steps = steps,
    .n_steps = REVERT_STEPS,
    .n_undo = 2,
    .commit_at = REVERT_MARK,
    .is_whole = revert_is_whole,
    .look = look,
    .stopped = stopped,
    .resume = resume,
    .undo_step = undo_step,
    .undo = undo,
    .drop = procedure_drop_now,
};

int revert_external(struct operation *t, const struct snapshot *s, unsigned flags,
                    struct revert_findings *found, struct text *remark, struct err *e)
{
    struct procedure *p autodestroy(procedure_free) = procedure_new(&revert_kind);
    int r = p ? procedure_begin(p, t->m, t->journal, t->domain, s->name, remark, e) : err_nomem(e);
    if (r == 0)
        r = revert_plan(of(p), t->domain, s, flags, found, e);
    if (r < 0)
        return r;
    text_add(remark, "on new overlays, by steps of snapfs");
    return procedure_run(p, e);
}
