/* delete.c - see delete/delete.h: the steps in order, and what becomes of one that was cut off. No
 * locks of its own: called under the domain's operation and its journal.
 *
 * Until `merge` begins nothing has changed but perhaps that the domain is paused instead of shut
 * off. From then on the snapshot's own bytes may be spoilt, and the rest is done: at every moment
 * the overlays and what stands on them read as before, whether they were merged, half merged or
 * not.
 */
#include "model/delete/delete.h"

#include <errno.h>
#include <string.h>

#include "model/catalog/catalog.h"
#include "model/delete/in_use.h"
#include "model/delete/steps.h"
#include "model/journal/procedure.h"
#include "model/change/fingerprint.h"
#include "model/activity/task.h"
#include "model/change/operation.h"

static void deletion_drop(struct deletion *w)
{
    domain_unref(w->now);
    delete_free(w->del);
}

#define autodeletion __attribute__((cleanup(deletion_drop)))

/* ---- one that does not go on ---- */

/* Nothing was merged: a domain that was started for it is stopped again, if nobody else has it. */
static int undo(struct deletion *w, struct err *e)
{
    int r = delete_look(w, e);
    if (r == 0)
        r = delete_run_step(w, DELETE_STOP, e);
    return r == 0 || r == -ENOENT ? journal_end(w->j, e) : r;
}

static int fail_undone(struct deletion *w, struct err *e)
{
    struct err why = *e, ignored;
    if (undo(w, &ignored) == 0)
        return -why.no;
    return err_fail(e, why.no, "%s (what was begun is undone later: %s)", why.text, ignored.text);
}

static int put_off(const struct deletion *w, struct err *e)
{
    struct err why = *e;
    return err_fail(e, why.no,
                    "%s (the delete of '%s' is finished by the next operation on the domain, or "
                    "the next mount)",
                    why.text, w->del->snapshot);
}

/* ---- the steps ---- */

/* Has anything been changed that cannot be undone? */
static bool is_begun(const struct deletion *w)
{
    return w->del->step >= DELETE_MERGE && (w->merging || !w->refused);
}

/* Is the tree still the one that the plan was made for? Asked until anything has begun. */
static int check_same(const struct deletion *w, struct err *e)
{
    if (delete_target(w) && print_snapshots(w->now) == w->del->snapshots)
        return 0;
    return err_fail(e, EBUSY, "someone else changed the domain meanwhile");
}

static int run_step(struct deletion *w, enum delete_step step, struct err *e)
{
    int r = delete_look(w, e);
    bool begun = w->del->step >= DELETE_MERGE;
    if (r == 0 && !begun)
        r = check_same(w, e);
    if (r == 0 && (!begun || w->late))
        r = task_check(e);
    if (r == 0 && w->del->step < step)
        r = delete_record_step(w->j, step, e);
    if (r < 0)
        return r;
    if (w->del->step < step)
        w->del->step = step;
    return delete_run_step(w, step, e);
}

/* A call whose answer did not come is looked after once more, since libvirt's daemon may be back.
 * Not native ones, of which libvirt itself may be in the middle. */
static int run_step_twice(struct deletion *w, enum delete_step step, struct err *e)
{
    int r = run_step(w, step, e);
    bool again = r < 0 && err_is_open(e) && !err_is_want(e->no);
    return again && !(w->del->native && step == DELETE_FORGET) ? run_step(w, step, e) : r;
}

static bool is_wanted(const struct delete *del, enum delete_step step)
{
    return step >= DELETE_HIDE || del->n;
}

/* snapfs ends, and the next mount goes on. */
static bool is_put_off(const struct deletion *w, int r)
{
    return w->late && r == -EINTR;
}

static int run_from(struct deletion *w, enum delete_step first, struct err *e)
{
    for (enum delete_step step = first; step <= DELETE_REMOVE; step++) {
        int r = is_wanted(w->del, step) ? run_step_twice(w, step, e) : 0;
        if (r == 0)
            continue;
        if (step == DELETE_REMOVE && !is_put_off(w, r))
            text_add(w->remark, "; its files are left: %s", e->text);
        else if (step == DELETE_START && w->late && !err_is_open(e))
            text_add(w->remark, "; the domain is not started to merge the rest: %s", e->text);
        else if (r == -ENOENT && !w->now)
            break;
        else if (!is_begun(w) || (!w->del->n && !err_is_open(e)))
            return fail_undone(w, e);
        else
            return put_off(w, e);
    }
    return journal_end(w->j, e);
}

/* ---- the whole ---- */

int delete_snapshot(struct model *m, struct journal *j, struct domain *d, const struct snapshot *s,
                    bool metadata, bool force, struct open_mark **claim, struct text *remark,
                    struct err *e)
{
    autodeletion struct deletion w = {.m = m, .j = j, .uuid = d->uuid, .remark = remark};
    if (m->is_test)
        return delete_call(m, d, s, !metadata, remark, e);
    autotext struct text told = {0};
    int r = delete_plan(m, d, s, metadata, force, &w.del, &told, e);
    if (r == 0 && claim)
        r = in_use_check(m, d, s, claim, e);
    if (r == 0)
        r = delete_record(j, w.del, e);
    if (r < 0)
        return r;
    text_add(remark, "%s%s",
             w.del->n        ? "by steps of our own"
             : w.del->native ? "by libvirt's own call"
                             : "libvirt has forgotten it",
             told.s ? told.s : "");
    return run_from(&w, DELETE_START, e);
}

/* ---- recovery ---- */

/* libvirt's own call is made anew, with all that is asked before it. */
static int recover_native(struct deletion *w, struct err *e)
{
    const struct snapshot *s = delete_target(w);
    autotext struct text how = {0};
    struct err why;
    if (w->del->step > DELETE_FORGET || !s)
        return run_from(w, DELETE_REMOVE, e);
    int r = journal_end(w->j, e);
    if (r < 0)
        return r;
    if (delete_snapshot(w->m, w->j, w->now, s, false, w->del->force, NULL, &how, &why) == 0)
        text_add(w->remark, ", %s", how.s ? how.s : "");
    else
        text_add(w->remark, "; it cannot be: %s", why.text);
    return 0;
}

static int recover(struct deletion *w, struct err *e)
{
    const char *name = w->del->snapshot;
    bool begun = w->del->step >= (w->del->n ? DELETE_MERGE : DELETE_HIDE);
    if (!begun) {
        text_add(w->remark, "the delete of '%s', which was cut off, is undone", name);
        return undo(w, e);
    }
    text_add(w->remark, "the delete of '%s', which was cut off, is finished", name);
    if (w->del->native)
        return recover_native(w, e);
    return run_from(w, w->del->step == DELETE_MERGE ? DELETE_START : w->del->step, e);
}

int delete_recover(struct model *m, struct journal *j, const char *uuid, struct text *remark,
                   struct err *e)
{
    autodeletion struct deletion w = {.m = m, .j = j, .uuid = uuid, .remark = remark, .late = true};
    int r = delete_read(journal_text(j), &w.del, e);
    if (r < 0)
        return r;
    if (!w.del)
        return journal_end(j, e);
    w.merging = w.del->step >= DELETE_MERGE;
    r = procedure_check_uri(virt_uri(m->virt), w.del->uri, e);
    if (r == 0)
        r = delete_look(&w, e);
    if (r == -ENOENT) {
        text_add(remark, "the delete of '%s' was cut off, and the domain is gone", w.del->snapshot);
        return journal_end(j, e);
    }
    return r == 0 ? recover(&w, e) : r;
}

/* ---- asked by who opens an image ---- */

struct begun {
    const char *snapshot;
    bool deleted, named, merged;
};

static bool note_begun(void *ctx, const struct record_line *l)
{
    struct begun *b = ctx;
    const char *word = l->fields[0], *value = l->n > 1 ? l->fields[1] : "";
    b->deleted |= !strcmp(word, "delete");
    b->named |= !strcmp(word, "snapshot") && !strcmp(value, b->snapshot);
    b->merged |= !strcmp(word, "step") && !strcmp(value, "merge");
    return true;
}

bool delete_has_begun(const char *uuid, const char *snapshot)
{
    struct begun b = {.snapshot = snapshot};
    autofree char *text = journal_glance(uuid);
    struct err ignored;
    return text && record_read(text, note_begun, &b, &ignored) == 0 && b.deleted && b.named &&
           b.merged;
}
