/* SPDX-License-Identifier: GPL-3.0-or-later */
/* procedure.c - see procedure.h. */
#include "model/journal/procedure.h"

#include <errno.h>
#include <string.h>

#include "model/activity/task.h"

int procedure_check_uri(const char *uri, const char *begun, struct err *e)
{
    if (!strcmp(begun, uri))
        return 0;
    return err_fail(
        e, EBUSY,
        "an operation on the domain that was begun through '%s' was cut off; mount that URI to "
        "finish it",
        begun);
}

static int end(struct procedure *p, struct err *e)
{
    return p->j ? journal_end(p->j, e) : 0;
}

/* ---- a procedure that does not go on ---- */

static int undo(struct procedure *p, struct err *e)
{
    int step = p->kind->undo_step ? p->kind->undo_step(p) : -1;
    int r = procedure_note_step(p, step, e);
    if (r < 0)
        return r;
    r = p->kind->look(p, e);
    p->gone = r == -ENOENT;
    if (r == 0 || p->gone)
        r = p->kind->undo(p, e);
    return r == 0 ? end(p, e) : r;
}

/* Undoes the procedure, and returns the failure in `e`. If the undoing fails, the message says that
 * it is not undone yet. Remarks of the undoing belong to the failure. */
static int fail_undone(struct procedure *p, struct err *e)
{
    struct err why = *e, again;
    autotext struct text said = {0};
    struct text *remark = p->remark;
    p->remark = &said;
    int r = undo(p, &again);
    p->remark = remark;
    if (r < 0)
        return err_fail(e, why.no, "%s (what was begun is undone later: %s)", why.text, again.text);
    if (!said.s || said.failed)
        return -why.no;
    return err_fail(e, why.no, "%s%s%s", why.text, *said.s == ';' ? "" : "; ", said.s);
}

static int put_off(const struct procedure *p, struct err *e)
{
    struct err why = *e;
    return err_fail(e, why.no,
                    "%s (%s '%s' is %s%s by the next operation on the domain, or by the next "
                    "mount)",
                    why.text, p->kind->noun, p->snapshot,
                    p->step < p->kind->commit_at ? "undone or finished" : "finished",
                    err_is_unsure(&why) ? " once libvirt answers," : "");
}

static int leave(struct procedure *p, struct err *e)
{
    struct err why = *e, ignored;
    const char *left = p->kind->left;
    int r = end(p, &ignored);
    return err_fail(e, why.no, "%s%s%s%s", why.text, left ? "; " : "", left ? left : "",
                    r < 0 ? "; the journal cannot be ended" : "");
}

/* ---- one step ---- */

enum { DONE = -1 }; /* beside enum step_end */

static bool may_undo(const struct procedure *p, int step)
{
    return p->step < p->kind->commit_at && !(p->kind->steps[step].flags & STEP_BOUND);
}

static bool is_asked(const struct procedure *p, int step)
{
    return p->step >= step && p->kind->steps[step].flags & STEP_LASTING;
}

/* Decides whether a failed step is open. Before the commit nothing is lost if a procedure that
 * cannot go on is undone, unless libvirt may yet make the call. */
static int failed(const struct procedure *p, int step, const struct err *e)
{
    bool soon = may_undo(p, step) && !p->late && !is_asked(p, step);
    return (soon ? err_is_unsure(e) : err_is_open(e)) ? STEP_OPEN : STEP_FAILED;
}

static bool is_unwanted(const struct procedure *p, int step, struct err *e)
{
    return (p->late || may_undo(p, step)) && task_check(e) < 0;
}

static int run_step(struct procedure *p, int step, struct err *e)
{
    const struct step *s = &p->kind->steps[step];
    p->next = step;
    if (s->wanted && !s->wanted(p))
        return DONE;
    int r = p->kind->look(p, e);
    if (r < 0)
        return r == -ENOENT ? STEP_UNFIT : failed(p, step, e);
    enum step_fit fit = s->fits ? s->fits(p) : STEP_FITS;
    if (fit == STEP_SKIPPED)
        return DONE;
    if (fit == STEP_CHANGED) {
        err_fail(e, EBUSY, "another program changed the domain meanwhile");
        return STEP_UNFIT;
    }
    if (is_unwanted(p, step, e))
        return p->late ? STEP_OPEN : STEP_FAILED;
    if (procedure_note_step(p, step, e) < 0)
        return may_undo(p, step) && !p->late ? STEP_FAILED : STEP_OPEN;
    r = s->run(p, e);
    p->lost |= r < 0 && err_is_unsure(e);
    return r == 0 ? DONE : failed(p, step, e);
}

/* Runs the step a second time if libvirt did not answer: its daemon may be back by then. */
static int run_step_twice(struct procedure *p, int step, struct err *e)
{
    int end = run_step(p, step, e);
    bool once = p->kind->steps[step].flags & STEP_ONCE;
    if (end != STEP_OPEN || !err_is_unsure(e) || once || p->late)
        return end;
    bool asked = is_asked(p, step);
    end = run_step(p, step, e);
    return asked && end == STEP_FAILED ? STEP_OPEN : end;
}

/* ---- all of them ---- */

int procedure_stopped(const struct procedure *p, enum step_end how)
{
    bool once = p->kind->steps[p->next].flags & STEP_ONCE;
    if (how == STEP_OPEN)
        return once && p->step >= p->next && !p->late ? NEXT_LOOK : NEXT_LATER;
    if (may_undo(p, p->next))
        return NEXT_UNDO;
    return how == STEP_UNFIT ? NEXT_LEAVE : NEXT_LATER;
}

/* Returns whether nothing was done yet that is not undone. */
static bool is_early(const struct procedure *p)
{
    return p->step < p->kind->commit_at || p->step >= p->kind->n_steps;
}

static int find_resume(struct procedure *p, int *ret, struct err *e)
{
    *ret = is_early(p) ? NEXT_UNDO : p->step;
    return p->kind->resume ? p->kind->resume(p, ret, e) : 0;
}

static int run_from(struct procedure *p, int step, struct err *e);

/* Fails because the domain is gone too. Before the commit the procedure is undone; after it, the
 * domain's last state is left as it is. */
static int fail_gone(struct procedure *p, struct err *e)
{
    struct err why = *e, again;
    p->gone = true;
    if (is_early(p))
        return fail_undone(p, e);
    return end(p, &again) < 0 ? put_off(p, e)
                              : err_fail(e, why.no, "%s; the domain is gone", why.text);
}

/* Finds out the result of the call whose answer did not come, and goes on. */
static int settle(struct procedure *p, struct err *e)
{
    struct err why = *e, again;
    int next = NEXT_UNDO;
    int r = p->kind->look(p, &again);
    if (r == 0)
        r = find_resume(p, &next, &again);
    if (r < 0)
        return r == -ENOENT ? fail_gone(p, e) : put_off(p, e);
    if (next < 0)
        return next == NEXT_UNDO    ? fail_undone(p, e)
               : next == NEXT_LEAVE ? leave(p, e)
                                    : put_off(p, e);
    text_add(p->remark, "%sthe connection was lost meanwhile", p->remark->len ? "; " : "");
    r = run_from(p, next, &again);
    return r < 0 ? err_fail(e, again.no, "%s; %s", why.text, again.text) : 0;
}

static int stop(struct procedure *p, int next, struct err *e)
{
    switch (next) {
    case NEXT_UNDO:
        return fail_undone(p, e);
    case NEXT_LEAVE:
        return leave(p, e);
    case NEXT_LOOK:
        return settle(p, e);
    default:
        return put_off(p, e);
    }
}

/* Returns the next step after one that did not end well, or another enum procedure_next. If snapfs
 * ends, even an optional step goes on later. */
static int next_after(struct procedure *p, int step, enum step_end how, struct err *e)
{
    const char *optional = p->kind->steps[step].optional;
    if (!optional || (p->late && e->no == EINTR))
        return p->kind->stopped ? p->kind->stopped(p, how, e) : procedure_stopped(p, how);
    text_add(p->remark, "; %s: %s", optional, e->text);
    return step + 1;
}

static int run_from(struct procedure *p, int step, struct err *e)
{
    while (step < p->kind->n_steps) {
        int how = run_step_twice(p, step, e);
        step = how == DONE ? step + 1 : next_after(p, step, (enum step_end)how, e);
        if (step < 0)
            return stop(p, step, e);
    }
    int r = end(p, e);
    return r == 0 && p->failure.no ? err_fail(e, p->failure.no, "%s", p->failure.text) : r;
}

int procedure_run(struct procedure *p, struct err *e)
{
    p->step = -1;
    int r = p->j ? procedure_note_plan(p, e) : 0;
    return r < 0 ? r : run_from(p, 0, e);
}

/* ---- recovery ---- */

static int recover_gone(struct procedure *p, struct err *e)
{
    text_add(p->remark, "%s '%s' was cut off, and the domain is gone", p->kind->noun, p->snapshot);
    p->gone = true;
    return is_early(p) ? undo(p, e) : end(p, e);
}

/* Ends a procedure that goes no further; what was done stays. */
static int recover_left(struct procedure *p, struct err *e)
{
    const char *left = p->kind->left;
    text_add(p->remark, "%s '%s' was cut off, and was not made%s%s", p->kind->noun, p->snapshot,
             left ? "; " : "", left ? left : "");
    return end(p, e);
}

static int recover(struct procedure *p, struct err *e)
{
    int next;
    int r = p->kind->look(p, e);
    if (r == -ENOENT)
        return recover_gone(p, e);
    if (r == 0)
        r = find_resume(p, &next, e);
    if (r < 0 || next == NEXT_LEAVE)
        return r < 0 ? r : recover_left(p, e);
    text_add(p->remark, "%s '%s', which was cut off, is %s", p->kind->noun, p->snapshot,
             next == NEXT_UNDO ? "undone" : "finished");
    if (next == NEXT_UNDO)
        return undo(p, e);
    if (next != NEXT_ANEW)
        return run_from(p, next, e);
    r = end(p, e);
    return r == 0 ? p->kind->anew(p, e) : r;
}

int procedure_recover(const struct procedure_kind *kind, struct model *m, struct journal *j,
                      const char *uuid, const char *uri, struct text *remark, struct err *e)
{
    struct procedure *p autodestroy(procedure_free) = NULL;
    int r = procedure_read(kind, journal_text(j), &p, e);
    if (r < 0)
        return r;
    if (!p)
        return journal_end(j, e);
    p->m = m, p->j = j, p->uuid = uuid, p->remark = remark;
    p->late = p->lost = true;
    r = procedure_check_uri(uri, p->uri, e);
    return r == 0 ? recover(p, e) : r;
}
