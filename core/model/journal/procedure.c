/* procedure.c - see procedure.h. */
#include "model/journal/procedure.h"

#include <errno.h>
#include <string.h>

#include "model/activity/task.h"

/* Rows that every procedure has before its own. */
static const struct field common_rows[] = {
    {"uri", FIELD_TEXT, offsetof(struct procedure, uri), NULL},
    {"snapshot", FIELD_TEXT, offsetof(struct procedure, snapshot), NULL},
};
static const struct fields common = {common_rows, sizeof(common_rows) / sizeof(*common_rows)};

void procedure_drop(struct procedure *p)
{
    if (p->kind->drop)
        p->kind->drop(p);
    fields_drop(&common, p);
    fields_drop(&p->kind->fields, p);
}

int procedure_check_uri(const char *uri, const char *begun, struct err *e)
{
    if (!strcmp(begun, uri))
        return 0;
    return err_fail(e, EBUSY,
                    "an operation on the domain that was begun through '%s' was cut off; mount "
                    "that, so that it is finished",
                    begun);
}

/* ---- in the journal ---- */

static int note_plan(struct procedure *p, struct err *e)
{
    const struct procedure_kind *k = p->kind;
    autotext struct text t = {0};
    text_add(&t, "%s %s\n", k->word, k->version);
    fields_put(&common, p, &t);
    fields_put(&k->fields, p, &t);
    text_add(&t, "ready\nstep %s\n", k->steps[0].name);
    return record_add(p->j, &t, e);
}

static int note_step(struct procedure *p, int step, struct err *e)
{
    autotext struct text t = {0};
    if (!p->j || p->step == step)
        return 0;
    record_field(&t, "step", p->kind->steps[step].name);
    return record_add(p->j, &t, e);
}

static int end(struct procedure *p, struct err *e)
{
    return p->j ? journal_end(p->j, e) : 0;
}

static bool read_step(struct procedure *p, const struct record_line *l)
{
    for (int i = 0; l->n == 2 && i < p->kind->n_steps; i++)
        if (!strcmp(p->kind->steps[i].name, l->fields[1])) {
            p->step = i;
            return true;
        }
    return false;
}

static bool read_line(void *ctx, const struct record_line *l)
{
    struct procedure *p = ctx;
    const struct procedure_kind *k = p->kind;
    if (!strcmp(l->fields[0], k->word))
        return l->n == 2 && !strcmp(l->fields[1], k->version);
    if (!strcmp(l->fields[0], "step"))
        return read_step(p, l);
    if (strcmp(l->fields[0], "ready") != 0)
        return fields_read(&common, p, l) || fields_read(&k->fields, p, l);
    p->ready = fields_are_whole(&common, p) && fields_are_whole(&k->fields, p);
    return p->ready;
}

/* ---- one that does not go on ---- */

static int undo(struct procedure *p, struct err *e)
{
    int r = p->kind->look(p, e);
    p->gone = r == -ENOENT;
    if (r == 0 || p->gone)
        r = p->kind->undo(p, e);
    return r == 0 ? end(p, e) : r;
}

/* The failure in `e`, after it was undone, or with the words that it was not yet. What the undoing
 * remarks belongs to the failure. */
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
                    "%s (%s '%s' is %s once libvirt answers, by the next operation on the domain, "
                    "or by the next mount)",
                    why.text, p->kind->noun, p->snapshot,
                    p->step < p->kind->commit_at ? "undone or finished" : "finished");
}

/* ---- one step ---- */

enum outcome { DONE, FAILED, CHANGED, LATER };

/* Before the commit nothing is lost by undoing what cannot go on, unless it may yet be done. */
static bool is_for_later(const struct procedure *p, int step, const struct err *e)
{
    return step < p->kind->commit_at && !p->late ? err_is_unsure(e) : err_is_open(e);
}

static bool is_unwanted(const struct procedure *p, int step, struct err *e)
{
    return (p->late || step < p->kind->commit_at) && task_check(e) < 0;
}

static enum outcome run_step(struct procedure *p, int step, struct err *e)
{
    const struct step *s = &p->kind->steps[step];
    int r = p->kind->look(p, e);
    if (r < 0)
        return r == -ENOENT ? CHANGED : is_for_later(p, step, e) ? LATER : FAILED;
    enum step_fit fit = s->fits ? s->fits(p) : STEP_FITS;
    if (fit == STEP_SKIPPED)
        return DONE;
    if (fit == STEP_CHANGED) {
        err_fail(e, EBUSY, "someone else changed the domain meanwhile");
        return CHANGED;
    }
    if (is_unwanted(p, step, e))
        return p->late ? LATER : FAILED;
    if (note_step(p, step, e) < 0)
        return step < p->kind->commit_at && !p->late ? FAILED : LATER;
    p->step = step;
    r = s->run(p, e);
    return r == 0 ? DONE : is_for_later(p, step, e) ? LATER : FAILED;
}

/* libvirt's daemon may be back by then. */
static enum outcome run_step_twice(struct procedure *p, int step, struct err *e)
{
    enum outcome o = run_step(p, step, e);
    bool again =
        o == LATER && err_is_unsure(e) && !(p->kind->steps[step].flags & STEP_ONCE) && !p->late;
    return again ? run_step(p, step, e) : o;
}

/* ---- all of them ---- */

static int find_resume(struct procedure *p, int *ret, struct err *e)
{
    *ret = p->step < p->kind->commit_at ? PROCEDURE_UNDO : p->step;
    return p->kind->resume ? p->kind->resume(p, ret, e) : 0;
}

static int run_from(struct procedure *p, int step, struct err *e);

/* What became of the call whose answer did not come? */
static int settle(struct procedure *p, struct err *e)
{
    struct err why = *e, again;
    int step;
    int r = p->kind->look(p, &again);
    if (r == -ENOENT)
        return fail_undone(p, e);
    if (r == 0)
        r = find_resume(p, &step, &again);
    if (r < 0)
        return put_off(p, e);
    if (step == PROCEDURE_UNDO)
        return fail_undone(p, e);
    text_add(p->remark, "%sthe connection was lost meanwhile", p->remark->len ? "; " : "");
    r = run_from(p, step, &again);
    return r < 0 ? err_fail(e, again.no, "%s; %s", why.text, again.text) : 0;
}

static int stop_at(struct procedure *p, int step, enum outcome o, struct err *e)
{
    bool once = p->kind->steps[step].flags & STEP_ONCE;
    if (o == LATER && once && p->step == step && !p->late)
        return settle(p, e);
    if (o != LATER && step < p->kind->commit_at)
        return fail_undone(p, e);
    if (o == CHANGED) {
        struct err ignored;
        end(p, &ignored);
        return -e->no;
    }
    return put_off(p, e);
}

static int run_from(struct procedure *p, int step, struct err *e)
{
    for (; step < p->kind->n_steps; step++) {
        enum outcome o = run_step_twice(p, step, e);
        if (o == FAILED && (p->kind->steps[step].flags & STEP_OPTIONAL))
            text_add(p->remark, "; %s", e->text);
        else if (o != DONE)
            return stop_at(p, step, o, e);
    }
    return end(p, e);
}

int procedure_run(struct procedure *p, struct err *e)
{
    p->step = p->j ? 0 : -1;
    int r = p->j ? note_plan(p, e) : 0;
    return r < 0 ? r : run_from(p, 0, e);
}

/* ---- recovery ---- */

static int recover_gone(struct procedure *p, struct err *e)
{
    text_add(p->remark, "%s '%s' was cut off, and the domain is gone", p->kind->noun, p->snapshot);
    p->gone = true;
    int r = p->step < p->kind->commit_at ? p->kind->undo(p, e) : 0;
    return r == 0 ? end(p, e) : r;
}

static int recover(struct procedure *p, struct err *e)
{
    int step;
    int r = p->kind->look(p, e);
    if (r == -ENOENT)
        return recover_gone(p, e);
    if (r == 0)
        r = find_resume(p, &step, e);
    if (r < 0)
        return r;
    text_add(p->remark, "%s '%s', which was cut off, is %s", p->kind->noun, p->snapshot,
             step == PROCEDURE_UNDO ? "undone" : "finished");
    return step == PROCEDURE_UNDO ? undo(p, e) : run_from(p, step, e);
}

static int read_and_recover(struct procedure *p, const char *uri, struct err *e)
{
    int r = record_read(journal_text(p->j), read_line, p, e);
    if (r < 0)
        return r;
    if (!p->ready)
        return end(p, e);
    r = procedure_check_uri(uri, p->uri, e);
    return r == 0 ? recover(p, e) : r;
}

int procedure_recover(const struct procedure_kind *kind, struct model *m, struct journal *j,
                      const char *uuid, const char *uri, struct text *remark, struct err *e)
{
    struct procedure *p = calloc(1, kind->size);
    if (!p)
        return err_nomem(e);
    *p = (struct procedure){
        .kind = kind, .m = m, .j = j, .uuid = uuid, .remark = remark, .step = -1, .late = true};
    int r = read_and_recover(p, uri, e);
    procedure_drop(p);
    free(p);
    return r;
}
