/* revert.c - see revert.h: the steps in order, and what becomes of one that was cut off. No locks
 * of its own: called under the domain's operation and its journal.
 *
 * Until `define` begins the domain is as it was, but perhaps stopped, and all that there is of the
 * revert is files that nobody has: they are removed. From then on the rest is done, since the call
 * may still reach libvirt after whoever made it is gone.
 */
#include "model/revert.h"

#include <errno.h>
#include <string.h>

#include "model/catalog.h"
#include "model/journal/procedure.h"
#include "model/print.h"
#include "model/revert_steps.h"
#include "model/task.h"
#include "model/turn.h"

static void work_drop(struct work *w)
{
    domain_unref(w->now);
    revert_free(w->rv);
}

#define autowork __attribute__((cleanup(work_drop)))

/* ---- what is so now ---- */

static int look(struct work *w, struct err *e)
{
    autofree char *config = NULL;
    domain_unref(take(w->now));
    int r = model_domain_now(w->m, w->uuid, &w->now, e);
    if (r == 0)
        r = virt_domain_status(w->m->virt, w->uuid, w->now->active, &w->status, e);
    if (r == 0 && w->now->active)
        r = virt_domain_xml(w->m->virt, w->uuid, true, &config, e);
    return r == 0 ? print_config(config ? config : w->now->xml, &w->config, e) : r;
}

static bool is_current(const struct work *w, const char *name)
{
    return !strcmp(w->now->current ? w->now->current->name : "", name);
}

/* Is the domain on the disks, and in the state, that the step begins with? */
static bool fits_disks(const struct work *w, enum revert_step step)
{
    bool before = w->config == w->rv->config_before, after = w->config == w->rv->config_after;
    switch (step) {
    case REVERT_MAKE:
        return before && w->now->active == w->rv->active;
    case REVERT_STOP:
        return before && (w->rv->active || !w->now->active) && !w->status.block_job;
    case REVERT_DEFINE:
        return (before || after) && !w->now->active;
    default:
        return after;
    }
}

static bool fits_current(const struct work *w, enum revert_step step)
{
    if (step <= REVERT_MARK && is_current(w, w->rv->current))
        return true;
    return step >= REVERT_MARK && is_current(w, w->rv->snapshot);
}

/* What `remove` needs it finds out itself. */
static bool fits(const struct work *w, enum revert_step step)
{
    if (step == REVERT_REMOVE)
        return true;
    return w->now->persistent && !w->status.managed_save &&
           print_snapshots(w->now) == w->rv->snapshots && fits_disks(w, step) &&
           fits_current(w, step);
}

/* ---- undo ---- */

/* Nobody ever had the overlays: they go, and so does the journal. */
static int undo(struct work *w, struct err *e)
{
    int r = revert_record_step(w->j, REVERT_UNDO, e);
    if (r == 0)
        r = revert_drop_maker(w, e);
    if (r == 0)
        r = look(w, e);
    if (r == 0)
        r = revert_drop_overlays(w, e);
    return r == 0 ? journal_end(w->j, e) : r;
}

/* The failure in `e`, after it was undone, or with the words that it was not yet. */
static int fail_undone(struct work *w, struct err *e)
{
    struct err why = *e, ignored;
    if (undo(w, &ignored) < 0)
        return err_fail(e, why.no, "%s (what was begun is undone later: %s)", why.text,
                        ignored.text);
    bool stopped = w->rv->active && !w->now->active;
    return err_fail(e, why.no, "%s%s", why.text,
                    stopped ? "; the domain is shut off now, its disks are as before" : "");
}

/* The domain is gone, and with it all that could need the files, if it ever had them. */
static int undo_gone(struct work *w, struct err *e)
{
    int r = revert_drop_maker(w, e);
    if (r == 0 && w->rv->step < REVERT_DEFINE)
        r = revert_drop_overlays(w, e);
    return r == 0 ? journal_end(w->j, e) : r;
}

/* ---- one step ---- */

enum outcome { DONE, CHANGED, LATER, FAILED };

/* The journal tells of the step before anything is done. A call whose answer did not come is looked
 * after once more, since libvirt's daemon may be back. */
static enum outcome run_step(struct work *w, enum revert_step step, struct err *e)
{
    int r = look(w, e);
    if (r < 0)
        return r == -ENOENT ? CHANGED : LATER;
    if (!fits(w, step)) {
        err_fail(e, EBUSY, "someone else changed the domain meanwhile");
        return CHANGED;
    }
    if (step <= REVERT_STOP && task_check(e) < 0)
        return FAILED;
    if (w->rv->step != step && revert_record_step(w->j, step, e) < 0)
        return LATER;
    w->rv->step = step;
    r = revert_run_step(w, step, e);
    return r == 0 ? DONE : err_is_open(e) ? LATER : FAILED;
}

/* After a `define` whose answer did not come nothing is undone: it may still reach libvirt. */
static enum outcome run_step_twice(struct work *w, enum revert_step step, struct err *e)
{
    enum outcome o = run_step(w, step, e);
    if (o != LATER || err_is_want(e->no) || step == REVERT_MAKE)
        return o;
    o = run_step(w, step, e);
    return o == FAILED && step == REVERT_DEFINE ? LATER : o;
}

/* ---- all of them ---- */

/* Someone else has the domain now: nothing more is done to it, and what it may be on stays. */
static int leave(struct work *w, struct err *e)
{
    struct err why = *e, ignored;
    if (w->now && w->rv->step < REVERT_DEFINE)
        return fail_undone(w, e);
    int r = w->now ? journal_end(w->j, &ignored) : undo_gone(w, &ignored);
    return err_fail(e, why.no, "%s; it is left as it is, and so are its files%s", why.text,
                    r < 0 ? "; the journal cannot be ended" : "");
}

static int put_off(const struct work *w, struct err *e)
{
    struct err why = *e;
    return err_fail(e, why.no,
                    "%s (the revert to '%s' is %s by the next operation on the domain, or the next "
                    "mount)",
                    why.text, w->rv->snapshot,
                    w->rv->step < REVERT_DEFINE ? "undone or finished" : "finished");
}

static int stop_at(struct work *w, enum revert_step step, enum outcome o, struct err *e)
{
    if (o == CHANGED)
        return leave(w, e);
    if (o == FAILED && step <= REVERT_DEFINE)
        return fail_undone(w, e);
    if (o == LATER && step == REVERT_MAKE)
        return fail_undone(w, e);
    return put_off(w, e);
}

/* A domain that does not start is reverted all the same, and an old overlay that cannot be removed
 * is left. */
static int run_from(struct work *w, enum revert_step first, struct err *e)
{
    struct err start = {0};
    for (enum revert_step step = first; step <= REVERT_REMOVE; step++) {
        enum outcome o = run_step_twice(w, step, e);
        if (o == DONE)
            continue;
        if (o == FAILED && step == REVERT_START)
            start = *e;
        else if (step == REVERT_REMOVE)
            text_add(w->remark, "; the disks that it had are left: %s", e->text);
        else
            return stop_at(w, step, o, e);
    }
    int r = journal_end(w->j, e);
    if (r == 0 && start.no)
        return err_fail(e, start.no, "the disks are those of the snapshot, but: %s", start.text);
    return r;
}

int revert_external(struct model *m, struct journal *j, struct domain *d, const struct snapshot *s,
                    unsigned flags, struct text *remark, struct err *e)
{
    autowork struct work w = {.m = m, .j = j, .uuid = d->uuid, .remark = remark};
    int r = revert_plan(m, d, s, flags, &w.rv, e);
    if (r == 0)
        r = revert_record(j, w.rv, e);
    if (r < 0)
        return r;
    text_add(remark, "on new overlays, by steps of our own");
    return run_from(&w, REVERT_MAKE, e);
}

/* ---- recovery ---- */

/* The step to go on with; REVERT_UNDO = none. */
static enum revert_step where_to_go_on(const struct work *w)
{
    const struct revert *rv = w->rv;
    if (rv->step < REVERT_STOP || rv->step == REVERT_UNDO)
        return REVERT_UNDO;
    if (rv->step == REVERT_STOP)
        return rv->active && !w->now->active ? REVERT_DEFINE : REVERT_UNDO;
    if (rv->step == REVERT_DEFINE && w->config == rv->config_after)
        return REVERT_MARK;
    return rv->step;
}

static int recover(struct work *w, struct err *e)
{
    enum revert_step step = where_to_go_on(w);
    const char *name = w->rv->snapshot;
    if (step == REVERT_UNDO) {
        text_add(w->remark, "the revert to '%s', which was cut off, is undone", name);
        return undo(w, e);
    }
    text_add(w->remark, "the revert to '%s', which was cut off, is finished", name);
    return run_from(w, step, e);
}

int revert_recover(struct model *m, struct journal *j, const char *uuid, struct text *remark,
                   struct err *e)
{
    autowork struct work w = {.m = m, .j = j, .uuid = uuid, .remark = remark};
    int r = revert_read(journal_text(j), &w.rv, e);
    if (r < 0)
        return r;
    if (!w.rv)
        return journal_end(j, e);
    r = procedure_check_uri(virt_uri(m->virt), w.rv->uri, e);
    if (r == 0)
        r = look(&w, e);
    if (r == -ENOENT) {
        text_add(remark, "the revert to '%s' was cut off, and the domain is gone", w.rv->snapshot);
        return undo_gone(&w, e);
    }
    return r == 0 ? recover(&w, e) : r;
}
