/* SPDX-License-Identifier: GPL-3.0-or-later */
/* delete.c - see delete/delete.h: the steps in order, and the end of a delete that was cut off. No
 * locks of its own: called under the domain's operation and its journal.
 *
 * Until `merge` begins, nothing has changed, except that the domain may be paused instead of shut
 * off. From then on the snapshot's own bytes may be spoilt, so the delete does all the rest. At
 * every moment the overlays and the files on them read as before, whether they were merged, half
 * merged or not. There is one exception: QEMU is killed in the last instant of a merge
 * (delete/half_merge.h).
 */
#include "model/delete/delete.h"

#include <errno.h>
#include <string.h>

#include "model/change/fingerprint.h"
#include "model/change/procedures.h"
#include "model/delete/in_use.h"
#include "model/delete/steps.h"
#include "model/reader/open_marks.h"
#include "model/state.h"

static struct delete *of(const struct procedure *p)
{
    return (struct delete *)(uintptr_t)p;
}

/* ---- what is wanted, and fits ---- */

static bool wants_merge(const struct procedure *p)
{
    return of(p)->n;
}

static bool wants_forget(const struct procedure *p)
{
    return !of(p)->native;
}

static bool wants_native(const struct procedure *p)
{
    return of(p)->native;
}

/* Returns whether the domain still has the snapshots that the plan was made for. Once the step
 * `merge` has begun, that is not compared any more. */
static enum step_fit fits(const struct procedure *p)
{
    bool same = delete_target(of(p)) && fingerprint_snapshots(p->now) == of(p)->snapshots;
    return same || p->step >= DELETE_MERGE ? STEP_FITS : STEP_CHANGED;
}

/* ---- a delete that does not go on ---- */

/* If the delete started the domain and no other user has it, stops the domain. Nothing was
 * merged. */
static int undo(struct procedure *p, struct err *e)
{
    int r = p->gone ? 0 : delete_run_stop(p, e);
    return r == -ENOENT ? 0 : r;
}

/* Returns whether anything has been changed that cannot be undone. */
static bool is_begun(const struct delete *del)
{
    return del->p.step >= DELETE_MERGE && (del->merging || !del->refused);
}

/* Decides about a delete that stopped. If the domain is gone, nothing is left to delete. If the
 * plan has no merge, the delete is undone, even if libvirt does not forget the snapshot. */
static int stopped(struct procedure *p, enum step_end how, struct err *e)
{
    const struct delete *del = of(p);
    if (e->no == ENOENT && !p->now)
        return DELETE_STEPS;
    if (p->next == DELETE_START && p->late && how == STEP_FAILED) {
        text_add(p->remark, "; the domain is not started to merge the rest: %s", e->text);
        return DELETE_MERGE;
    }
    return !is_begun(del) || (!del->n && !err_is_open(e)) ? NEXT_UNDO : NEXT_LATER;
}

/* ---- after it was cut off ---- */

static bool is_whole(struct procedure *p)
{
    of(p)->merging = p->step >= DELETE_MERGE;
    return true;
}

static int resume(struct procedure *p, int *ret_next, struct err *e)
{
    (void)e;
    if (p->step >= DELETE_MERGE && of(p)->native)
        *ret_next = p->step >= DELETE_REMOVE || !delete_target(of(p)) ? DELETE_REMOVE : NEXT_ANEW;
    else if (p->step == DELETE_MERGE)
        *ret_next = DELETE_START;
    return 0;
}

/* Makes libvirt's own call anew, with all checks before it. */
static int anew(struct procedure *p, struct err *e)
{
    struct open_mark *mark autodestroy(open_mark_drop) = NULL;
    struct delete_how how = {.force = of(p)->force, .claim = of(p)->force ? NULL : &mark};
    autotext struct text told = {0};
    struct err why;
    (void)e;
    if (delete_snapshot(p->m, p->j, p->now, delete_target(of(p)), &how, &told, &why) == 0)
        text_add(p->remark, ", %s", told.s ? told.s : "");
    else
        text_add(p->remark, "; it cannot be: %s", why.text);
    return 0;
}

/* ---- the procedure ---- */

/* If libvirt's answer to a native delete does not come, libvirt may still be at work on the delete.
 * So that step runs only once. */
static const struct step steps[] = {
    [DELETE_START] = {"start", delete_run_start, wants_merge, fits, 0, NULL},
    [DELETE_MERGE] = {"merge", delete_run_merge, wants_merge, fits, 0, NULL},
    [DELETE_STOP] = {"stop", delete_run_stop, wants_merge, fits, 0, NULL},
    [DELETE_MOVE] = {"move", delete_run_move, wants_merge, fits, 0, NULL},
    [DELETE_HIDE] = {"hide", delete_run_hide, NULL, fits, 0, NULL},
    [DELETE_FORGET] = {"forget", delete_run_forget, wants_forget, fits, 0, NULL},
    [DELETE_NATIVE] = {"forget", delete_run_forget, wants_native, fits, STEP_ONCE, NULL},
    [DELETE_REMOVE] = {"remove", delete_run_remove, NULL, NULL, 0, "its files are left"},
};

const struct procedure_kind delete_kind = {
    .word = "delete",
    .version = 2,
    .noun = "the delete of",
    .fields = {delete_rows, DELETE_ROWS},
    .size = sizeof(struct delete),
    .steps = steps,
    .n_steps = DELETE_STEPS,
    .commit_at = DELETE_MERGE,
    .is_whole = is_whole,
    .look = procedure_look,
    .stopped = stopped,
    .resume = resume,
    .undo = undo,
    .anew = anew,
    .drop = procedure_drop_now,
};

int delete_check_below(struct model *m, struct domain *d, const struct snapshot *top, bool itself,
                       const struct delete_how *how, struct err *e)
{
    return delete_plan_below(&delete_kind, m, d, top, itself, how, e);
}

int delete_snapshot(struct model *m, struct journal *j, struct domain *d, const struct snapshot *s,
                    const struct delete_how *how, struct text *remark, struct err *e)
{
    if (m->is_test)
        return delete_call(m, d, s, !how->metadata, remark, e);
    struct procedure *p autodestroy(procedure_free) = procedure_new(&delete_kind);
    autotext struct text told = {0};
    int r = p ? procedure_begin(p, m, j, d, s->name, remark, e) : err_nomem(e);
    if (r < 0)
        return r;
    struct delete *del = of(p);
    del->force = how->force;
    del->survey = how->survey;
    r = delete_plan(del, d, s, how->metadata, &told, e);
    if (r == 0 && how->claim)
        r = in_use_check(m, d, s, how->claim, e);
    if (r < 0)
        return r;
    text_add(remark, "%s%s",
             del->n        ? "by steps of our own"
             : del->native ? "by libvirt's own call"
                           : "libvirt has forgotten it",
             told.s ? told.s : "");
    return procedure_run(p, e);
}
