/* overlays.c - see revert/overlays.h: the steps in order, and what becomes of one that was cut off.
 * No locks of its own: called under the domain's operation and its journal.
 *
 * Until the guest is stopped the domain is as it was, but perhaps defined anew, and all that there
 * is of the revert is files that nobody has: it is undone, and the files are removed. So it is when
 * QEMU then does not start. From there on the rest is done.
 */
#include "model/revert/overlays.h"

#include <errno.h>
#include <string.h>

#include "model/catalog/catalog.h"
#include "model/journal/procedure.h"
#include "model/change/fingerprint.h"
#include "model/revert/failed.h"
#include "model/revert/overlays_steps.h"
#include "model/activity/task.h"
#include "model/change/operation.h"
#include "virt/change.h"

static void work_drop(struct work *w)
{
    domain_unref(w->now);
    revert_free(w->rv);
}

#define autowork __attribute__((cleanup(work_drop)))

/* ---- what is so now ---- */

static bool is_current(const struct work *w, const char *name)
{
    return !strcmp(w->now->current ? w->now->current->name : "", name);
}

/* Does the domain run on the overlays? One without any only if it was to be started. */
static int note_overlays(struct work *w, struct err *e)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    const struct revert *rv = w->rv;
    w->on_overlays = w->now->active && (rv->n || rv->step >= REVERT_START);
    int r = w->on_overlays ? xml_domain_parse(w->now->xml, &x, e) : 0;
    for (size_t i = 0; r == 0 && w->on_overlays && i < rv->n; i++) {
        const struct xml_disk *disk = xml_domain_disk(x, rv->disks[i].target);
        w->on_overlays =
            disk && disk->source.path && !strcmp(disk->source.path, rv->disks[i].overlay);
    }
    return r;
}

static int look(struct work *w, struct err *e)
{
    autofree char *config = NULL;
    domain_unref(take(w->now));
    int r = model_domain_now(w->m, w->uuid, &w->now, e);
    if (r == 0)
        r = virt_domain_status(w->m->virt, w->uuid, w->now->active, &w->status, e);
    if (r == 0 && w->now->active)
        r = virt_domain_xml(w->m->virt, w->uuid, true, &config, e);
    if (r == 0)
        r = note_overlays(w, e);
    return r == 0 ? print_config(config ? config : w->now->xml, &w->config, e) : r;
}

/* Is the domain on the disks, and in the state, that the step begins with? */
static bool fits_disks(const struct work *w, enum revert_step step)
{
    bool before = w->config == w->rv->config_before, after = w->config == w->rv->config_after;
    bool active = w->now->active, idle = w->rv->active && !w->status.block_job;
    switch (step) {
    case REVERT_MAKE:
        return before && active == w->rv->active;
    case REVERT_DEFINE:
        return (before || after) && (!active || idle);
    case REVERT_STOP:
        return after && (!active || idle || w->on_overlays);
    case REVERT_START:
        return after && (!active || w->on_overlays);
    default:
        return after;
    }
}

/* An older version of snapfs marked the snapshot before the start. */
static bool fits_current(const struct work *w, enum revert_step step)
{
    if (step <= REVERT_MARK && is_current(w, w->rv->current))
        return true;
    return (step >= REVERT_MARK || !w->rv->config) && is_current(w, w->rv->snapshot);
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

/* Nobody has the overlays: they go, and so does the journal. */
static int drop(struct work *w, struct err *e)
{
    int r = revert_drop_maker(w, e);
    if (r == 0)
        r = look(w, e);
    if (r == 0)
        r = revert_drop_overlays(w, e);
    return r == 0 ? journal_end(w->j, e) : r;
}

/* The configuration that it had, unless it still has that. Whoever changed it since is left alone.
 */
static int define_old(struct work *w, struct err *e)
{
    int r = look(w, e);
    if (r < 0 || w->config == w->rv->config_before)
        return r;
    if (w->on_overlays || w->config != w->rv->config_after || !w->rv->config)
        return err_fail(e, EBUSY, "someone else changed the domain meanwhile");
    r = virt_domain_define(w->m->virt, w->rv->config, e);
    if (r == 0)
        r = look(w, e);
    if (r == 0 && w->config != w->rv->config_before)
        r = err_fail(e, EIO, "libvirt does not keep the configuration that the domain had");
    return r;
}

/* All is as before the revert, but that a guest which was stopped stays so. */
static int undo(struct work *w, struct err *e)
{
    bool defined = w->rv->step >= REVERT_DEFINE && w->rv->step != REVERT_UNDO;
    enum revert_step step = defined ? REVERT_BACK : REVERT_UNDO;
    int r = w->rv->step == step ? 0 : revert_record_step(w->j, step, e);
    if (r == 0)
        w->rv->step = step;
    if (r == 0 && defined)
        r = define_old(w, e);
    return r == 0 ? drop(w, e) : r;
}

/* The failure in `e`, after it was undone, or with the words that it was not yet. */
static int fail_undone(struct work *w, struct err *e)
{
    struct err why = *e, ignored;
    if (undo(w, &ignored) < 0)
        return err_fail(e, why.no, "%s (what was begun is undone later: %s)", why.text,
                        ignored.text);
    bool stopped = w->rv->active && !w->now->active;
    return err_fail(e, why.no, "%s%s", why.text, stopped ? FAILED_STOPPED : "");
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
    if ((step <= REVERT_STOP || w->late) && task_check(e) < 0)
        return w->late ? LATER : FAILED;
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

/* Does the guest that is to be stopped still run on the disks that the domain's old configuration
 * has? */
static bool is_as_before(const struct work *w)
{
    uint64_t live = 0;
    return w->now->active && !w->on_overlays && w->config == w->rv->config_after && w->rv->config &&
           print_config(w->now->xml, &live, NULL) == 0 && live == w->rv->config_before;
}

/* Someone else has the domain now: nothing more is done to it, and what it may be on stays. */
static int leave(struct work *w, struct err *e)
{
    struct err why = *e, ignored;
    if (w->now && (w->rv->step < REVERT_DEFINE || is_as_before(w)))
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
                    w->rv->step < REVERT_MARK ? "undone or finished" : "finished");
}

static int stop_at(struct work *w, enum revert_step step, enum outcome o, struct err *e)
{
    if (o == CHANGED)
        return leave(w, e);
    if (o == FAILED && step <= REVERT_START)
        return fail_undone(w, e);
    if (o == LATER && step == REVERT_MAKE)
        return fail_undone(w, e);
    return put_off(w, e);
}

/* Did QEMU start for all that, or is what the domain was not known (a journal of an older version
 * of snapfs)? Then the rest is done. */
static bool goes_on(struct work *w)
{
    struct err ignored;
    return !w->rv->config || (look(w, &ignored) == 0 && w->on_overlays);
}

/* An old overlay that cannot be removed is left. */
static int run_from(struct work *w, enum revert_step first, struct err *e)
{
    struct err start = {0};
    for (enum revert_step step = first; step <= REVERT_REMOVE; step++) {
        enum outcome o = run_step_twice(w, step, e);
        if (o == DONE)
            continue;
        struct err why = *e;
        if (o == FAILED && step == REVERT_START && goes_on(w)) {
            start = why;
        } else if (step == REVERT_REMOVE && !(w->late && why.no == EINTR)) {
            text_add(w->remark, "; the disks that it had are left: %s", why.text);
        } else {
            *e = why;
            return stop_at(w, step, o, e);
        }
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

/* The step to go on with; REVERT_UNDO = none. A guest that still runs on the disks it had goes on.
 */
static enum revert_step where_to_go_on(const struct work *w)
{
    const struct revert *rv = w->rv;
    if (rv->step < REVERT_DEFINE || rv->step >= REVERT_BACK)
        return REVERT_UNDO;
    if (rv->step > REVERT_STOP)
        return rv->step;
    if (w->on_overlays)
        return REVERT_START;
    if (rv->step == REVERT_STOP && !rv->config && w->config == rv->config_before)
        return rv->active && !w->now->active ? REVERT_DEFINE : REVERT_UNDO;
    return w->now->active ? REVERT_UNDO : rv->step;
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
    autowork struct work w = {.m = m, .j = j, .uuid = uuid, .remark = remark, .late = true};
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
