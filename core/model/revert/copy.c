/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy.c - see revert/copy.h: the steps, in order, and the end of a revert that was cut off. No
 * locks of its own: called under the domain's operation and its journal.
 *
 *     step     before it                        after it
 *     make     nothing was made                 there are copies, which no domain has
 *     move     the snapshot is in the files     it is in the copies, and so it can stay
 *     revert   the domain is as it was          libvirt has reverted it, on the copies
 *     remove   the old live disks are there     those that nothing needs are gone
 */
#include "model/revert/copy.h"

#include <errno.h>
#include <string.h>

#include "model/change/outcome.h"
#include "model/change/procedures.h"
#include "model/revert/copy_file.h"
#include "model/revert/copy_plan.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/journal/kept_marks.h"
#include "model/change/fingerprint.h"
#include "model/activity/progress.h"
#include "model/revert/failed.h"
#include "model/activity/task.h"
#include "model/storage/volumes.h"
#include "virt/commit.h"
#include "virt/xml_move.h"

static struct copying *of(const struct procedure *p)
{
    return (struct copying *)(uintptr_t)p;
}

/* ---- the present state ---- */

static int look(struct procedure *p, struct err *e)
{
    struct copying *c = of(p);
    c->s = NULL;
    domain_unref(take(p->now));
    int r = virt_domain_status(p->m->virt, p->uuid, true, &c->status, e);
    if (r == 0)
        r = procedure_look(p, e);
    if (r == 0)
        c->s = domain_find_name(p->now, p->snapshot);
    return r;
}

static bool is_on_copies(const struct copying *c, const struct xml_domain *x)
{
    bool all = true;
    for (size_t i = 0; all && i < c->n; i++)
        all = procedure_is_on(x, c->disks[i].target, c->disks[i].to);
    return all;
}

/* Returns whether the snapshot names all the copies. */
static bool is_moved(const struct copying *c)
{
    return c->s && is_on_copies(c, c->s->parsed->domain);
}

/* Finds out whether the domain is on the copies. It is only after libvirt has reverted it. */
static int is_reverted(const struct copying *c, bool *ret, struct err *e)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    int r = xml_domain_parse(c->p.now->xml, &x, e);
    *ret = r == 0 && is_on_copies(c, x);
    return r;
}

/* Returns whether the domain and its snapshots are still those that the plan is for. */
static enum step_fit fits(const struct procedure *p)
{
    const struct copying *c = of(p);
    uint64_t config = 0;
    bool same = c->s && fingerprint_config(p->now->xml, &config, NULL) == 0 &&
                config == c->config && p->now->active == c->active && !c->status.block_job &&
                !c->status.managed_save && fingerprint_snapshots(p->now) == c->snapshots &&
                procedure_is_current(p, c->current);
    return same ? STEP_FITS : STEP_CHANGED;
}

/* ---- undo ---- */

/* Removes the copies, which no domain ever had. */
static int drop_copies(const struct copying *c, struct err *e)
{
    size_t n = c->n;
    autofree struct reclaim_own *files = calloc(n + 1, sizeof(*files));
    if (!files)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++)
        files[i] = (struct reclaim_own){c->disks[i].to, c->disks[i].from};
    return reclaim_drop_own(c->p.m, c->p.now, files, n, c->p.remark, e);
}

/* Returns whether nothing uses the copies yet. */
static bool is_early(const struct copying *c)
{
    return c->p.step < COPY_MOVE || c->p.step == COPY_UNDO;
}

static int undo_step(const struct procedure *p)
{
    return p->gone ? -1 : COPY_UNDO;
}

static int undo(struct procedure *p, struct err *e)
{
    return p->gone && !is_early(of(p)) ? 0 : drop_copies(of(p), e);
}

/* ---- make, move ---- */

static int run_make(struct procedure *p, struct err *e)
{
    const struct copying *c = of(p);
    autofree struct copy_file *files = calloc(c->n, sizeof(*files));
    if (!files)
        return err_nomem(e);
    for (size_t i = 0; i < c->n; i++)
        files[i] = (struct copy_file){.from = c->disks[i].from, .to = c->disks[i].to};
    int r = copy_files(files, c->n, e);
    progress_set("", 0, 0);
    for (size_t i = 0; r == 0 && i < c->n; i++)
        r = copy_check_made(c->p.m, c->p.uuid, &c->disks[i], e);
    if (r == 0)
        r = task_check(e);
    for (size_t i = 0; r == 0 && i < c->n; i++)
        text_add(c->p.remark, "%s'%s', a copy of '%s'%s", i ? ", " : "on ", files[i].to,
                 files[i].from, files[i].shared ? " that shares its blocks" : "");
    return r;
}

/* Adds the place of the disk in that definition of the domain, also if it is on a volume. */
static void add_place(const struct copying *c, const struct xml_domain *x,
                      const struct copy_disk *disk, struct xml_place *places, size_t *n)
{
    const struct xml_disk *on = xml_domain_disk(x, disk->target);
    const char *path = on ? volumes_path(c->p.now->volumes, &on->source) : NULL;
    bool volume = follow_to_same(path, disk->from);
    places[(*n)++] = (struct xml_place){.target = disk->target,
                                        .from = disk->from,
                                        .to = disk->to,
                                        .format = "qcow2",
                                        .copied = true,
                                        .pool = volume ? on->source.pool : NULL,
                                        .volume = volume ? on->source.volume : NULL};
}

static int move_places(const struct copying *c, const char *secure, char **ret, struct err *e)
{
    struct xml_domain *config autodestroy(xml_domain_free) = NULL;
    autofree struct xml_place *places = calloc(2 * c->n, sizeof(*places));
    size_t n = 0;
    int r = places ? xml_snapshot_config(secure, &config, e) : err_nomem(e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < c->n; i++) {
        add_place(c, c->s->parsed->domain, &c->disks[i], places, &n);
        if (config)
            add_place(c, config, &c->disks[i], places, &n);
    }
    return xml_move_snapshot(secure, places, n, ret, e);
}

static int redefine(struct copying *c, struct err *e)
{
    autofree char *old = NULL, *new = NULL;
    unsigned flags = VIRT_CREATE_REDEFINE;
    if (!strcmp(c->current, c->p.snapshot))
        flags |= VIRT_CREATE_CURRENT;
    int r = virt_snapshot_secure_xml(c->p.m->virt, c->p.uuid, c->p.snapshot, &old, e);
    if (r == 0)
        r = move_places(c, old, &new, e);
    return r == 0 ? virt_snapshot_create(c->p.m->virt, c->p.uuid, new, flags, NULL, e) : r;
}

/* Marks the tags that stay behind in the files: they have no snapshot any more. */
static void mark_originals(const struct copying *c)
{
    for (size_t i = 0; i < c->n; i++)
        marks_left(c->p.m, c->p.uuid, c->disks[i].from, &c->disks[i].entry, 1);
}

/* Moves the snapshot to the copies. If libvirt does this again, the result is the same. */
static int run_move(struct procedure *p, struct err *e)
{
    struct copying *c = of(p);
    int r = is_moved(c) ? 0 : redefine(c, e);
    if (r == 0)
        r = look(p, e);
    if (r == 0 && !is_moved(c))
        r = err_fail(e, EIO, "libvirt has not kept the change of snapshot '%s' to another file",
                     p->snapshot);
    if (r == 0)
        mark_originals(c);
    return r;
}

/* ---- revert, remove ---- */

static struct failed failed_of(const struct copying *c)
{
    return (struct failed){.m = c->p.m,
                           .uuid = c->p.uuid,
                           .snapshot = c->p.snapshot,
                           .config = c->before,
                           .ran = c->active};
}

/* Has libvirt revert the domain. If libvirt answers that it could not, the domain may be half
 * changed, and failed_settle makes it whole. */
static int run_revert(struct procedure *p, struct err *e)
{
    struct copying *c = of(p);
    struct failed failed = failed_of(c);
    bool done = false;
    int r = c->active ? 0 : failed_is_at(c->s, &failed.at, e);
    if (r < 0)
        return r;
    r = virt_snapshot_revert(p->m->virt, p->uuid, p->snapshot, c->flags, e);
    if (r < 0)
        return err_is_open(e) ? r : failed_settle(&failed, &c->end, e);
    r = look(p, e);
    if (r == 0)
        r = is_reverted(c, &done, e);
    if (r == 0 && !done)
        r = err_fail(e, EIO, "libvirt has not put the domain on the copies");
    return r;
}

static int run_remove(struct procedure *p, struct err *e)
{
    return reclaim_remove(p->m, p->now, &of(p)->left, NULL, p->remark, e);
}

/* ---- the next action after a failure or a crash ---- */

/* Decides the next action after a failed revert. The snapshot stays in its copy, because the copy
 * has the same bytes. */
static int revert_failed(struct copying *c, struct err *e)
{
    if (c->end == FAILED_AT_SNAPSHOT) {
        c->p.failure = *e;
        return COPY_REMOVE;
    }
    if (c->p.now)
        outcome_settle(c->p.m, &(struct outcome){.before = c->p.now}, c->p.remark, e);
    return NEXT_LEAVE;
}

static int stopped(struct procedure *p, enum step_end how, struct err *e)
{
    bool failed = how == STEP_FAILED && p->next == COPY_REVERT;
    return failed ? revert_failed(of(p), e) : procedure_stopped(p, how);
}

/* Waits for libvirt's job on the domain. If snapfs asked libvirt for a revert, the revert goes on
 * even if the caller is gone. This call waits for that revert. */
static void wait_for_job(const struct copying *c)
{
    struct virt_block_job job;
    virt_block_job(c->p.m->virt, c->p.uuid, c->disks[0].target, &job, NULL);
}

/* Settles a domain that is on the copies and shut off. Either libvirt was about to start the
 * domain, or QEMU did not start. *ret tells whether the domain is then as at the snapshot; else it
 * is as before. */
static int recover_stopped(struct copying *c, bool *ret, struct err *e)
{
    struct failed failed = failed_of(c);
    enum failed_end end;
    struct err unknown = {.no = EIO};
    failed.ran = true;
    failed_settle(&failed, &end, &unknown);
    if (end == FAILED_UNTOUCHED)
        return err_fail(e, unknown.no, "%s", unknown.text);
    *ret = end == FAILED_AT_SNAPSHOT;
    return look(&c->p, e);
}

/* Finishes the move of the snapshot, because the call may still reach libvirt after its caller is
 * gone. If there is another snapshot now, does not move it. */
static int finish_move(struct copying *c, int *ret_next, struct err *e)
{
    bool moved = is_moved(c);
    *ret_next = NEXT_UNDO;
    if (!moved && fits(&c->p) == STEP_CHANGED)
        return 0;
    int r = moved ? 0 : run_move(&c->p, e);
    if (r < 0)
        return err_is_open(e) ? r : 0;
    mark_originals(c);
    *ret_next = NEXT_LEAVE;
    return 0;
}

static int resume(struct procedure *p, int *ret_next, struct err *e)
{
    struct copying *c = of(p);
    bool done = false;
    *ret_next = NEXT_UNDO;
    if (is_early(c))
        return 0;
    wait_for_job(c);
    int r = look(p, e);
    if (r == 0)
        r = is_reverted(c, &done, e);
    if (r == 0 && done && !p->now->active && c->before)
        r = recover_stopped(c, &done, e);
    if (r < 0 || !done)
        return r < 0 ? r : finish_move(c, ret_next, e);
    *ret_next = COPY_REMOVE;
    return 0;
}

/* ---- the procedure ---- */

static bool is_whole(struct procedure *p)
{
    return of(p)->n;
}

static const struct step steps[] = {
    [COPY_MAKE] = {"make", run_make, NULL, fits, STEP_ONCE, NULL},
    [COPY_MOVE] = {"move", run_move, NULL, fits, STEP_LASTING, NULL},
    [COPY_REVERT] = {"revert", run_revert, NULL, fits, STEP_ONCE | STEP_BOUND, NULL},
    [COPY_REMOVE] = {"remove", run_remove, NULL, NULL, 0, "its earlier disks are left"},
    [COPY_UNDO] = {.name = "undo"},
};

const struct procedure_kind copy_kind = {
    .word = "copy",
    .version = 2,
    .oldest = 1,
    .noun = "the revert to",
    .left = "the snapshot is in a copy of its file from now on",
    .fields = {copy_rows, COPY_ROWS},
    .size = sizeof(struct copying),
    .steps = steps,
    .n_steps = COPY_STEPS,
    .n_undo = 1,
    .commit_at = COPY_REVERT,
    .is_whole = is_whole,
    .look = look,
    .stopped = stopped,
    .resume = resume,
    .undo_step = undo_step,
    .undo = undo,
    .drop = procedure_drop_now,
};

int copy_revert(struct operation *t, const struct snapshot *s, unsigned flags,
                struct revert_findings *found, struct text *remark, struct err *e)
{
    struct procedure *p autodestroy(procedure_free) = procedure_new(&copy_kind);
    int r = p ? procedure_begin(p, t->m, t->journal, t->domain, s->name, remark, e) : err_nomem(e);
    if (r == 0)
        r = copy_plan(of(p), t->domain, s, found, e);
    if (r < 0)
        return r;
    of(p)->flags = flags;
    return procedure_run(p, e);
}
