/* copy.c - see revert/copy.h: the steps, in order, and what becomes of one that was cut off. No
 * locks of its own: called under the domain's operation and its journal.
 *
 *     step     before it                        after it
 *     make     nothing was made                 copies of the files, nobody has them
 *     move     the snapshot is in the files     it is in the copies, and so it can stay
 *     revert   the domain is as it was          libvirt has reverted it, on the copies
 *     remove   the old live disks are there     those that nothing needs are gone
 */
#include "model/revert/copy.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "model/catalog/catalog.h"
#include "model/change/outcome.h"
#include "model/revert/copy_file.h"
#include "model/revert/copy_plan.h"
#include "model/storage/file_chain.h"
#include "model/journal/procedure.h"
#include "model/storage/file_marks.h"
#include "model/change/fingerprint.h"
#include "model/activity/progress.h"
#include "model/revert/failed.h"
#include "model/activity/task.h"
#include "model/change/operation.h"
#include "model/storage/volumes.h"
#include "virt/commit.h"
#include "virt/xml_move.h"

struct copy_work {
    struct model *m;
    struct journal *j;
    const char *uuid;
    struct copying *c;
    unsigned flags;
    struct text *remark;
    struct domain *now; /* the domain as it was read before this step */
    const struct snapshot *s;
    struct virt_status status;
};

static void copy_work_drop(struct copy_work *w)
{
    domain_unref(w->now);
    copying_free(w->c);
}

#define autowork __attribute__((cleanup(copy_work_drop)))

/* ---- what is so now ---- */

static int look(struct copy_work *w, struct err *e)
{
    domain_unref(take(w->now));
    w->s = NULL;
    int r = virt_domain_status(w->m->virt, w->uuid, true, &w->status, e);
    if (r == 0)
        r = model_domain_now(w->m, w->uuid, &w->now, e);
    if (r == 0)
        w->s = domain_find_name(w->now, w->c->snapshot);
    return r;
}

/* Does the snapshot name all the copies? */
static bool is_moved(const struct copy_work *w)
{
    bool all = w->s != NULL;
    for (size_t i = 0; all && i < w->c->n; i++) {
        const struct copy_disk *disk = &w->c->disks[i];
        const struct xml_disk *x = xml_domain_disk(w->s->parsed->domain, disk->target);
        all = x && x->source.path && !strcmp(x->source.path, disk->to);
    }
    return all;
}

/* Is the domain on the copies, as it can only be when libvirt has reverted it? */
static int is_reverted(const struct copy_work *w, bool *ret, struct err *e)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    int r = xml_domain_parse(w->now->xml, &x, e);
    *ret = r == 0;
    for (size_t i = 0; *ret && i < w->c->n; i++) {
        const struct xml_disk *disk = xml_domain_disk(x, w->c->disks[i].target);
        *ret = disk && disk->source.path && !strcmp(disk->source.path, w->c->disks[i].to);
    }
    return r;
}

/* Are the domain and its snapshots still those that the plan is for? */
static int check_same(const struct copy_work *w, struct err *e)
{
    uint64_t config = 0;
    int r = print_config(w->now->xml, &config, e);
    if (r < 0)
        return r;
    if (w->s && config == w->c->config && w->now->active == w->c->active && !w->status.block_job &&
        !w->status.managed_save && print_snapshots(w->now) == w->c->snapshots &&
        !strcmp(w->now->current ? w->now->current->name : "", w->c->current))
        return 0;
    return err_fail(e, EBUSY, "someone else changed the domain meanwhile");
}

static int begin(struct copy_work *w, enum copy_step step, struct err *e)
{
    int r = look(w, e);
    if (r == 0)
        r = check_same(w, e);
    if (r == 0 && w->c->step != step)
        r = copy_record_step(w->j, step, e);
    if (r == 0)
        w->c->step = step;
    return r;
}

/* ---- undo ---- */

/* No domain ever had the copies. */
static int drop_copies(const struct copy_work *w, struct err *e)
{
    size_t n = w->c->n;
    autofree struct leftover_own *files = calloc(n + 1, sizeof(*files));
    if (!files)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++)
        files[i] = (struct leftover_own){w->c->disks[i].to, w->c->disks[i].from};
    return leftovers_drop_own(w->m, w->now, files, n, w->remark, e);
}

static int undo(struct copy_work *w, struct err *e)
{
    int r = copy_record_step(w->j, COPY_UNDO, e);
    if (r == 0)
        r = look(w, e);
    if (r == 0 || r == -ENOENT)
        r = drop_copies(w, e);
    return r == 0 ? journal_end(w->j, e) : r;
}

/* The failure in `e`, after it was undone, or with the words that it was not yet. */
static int fail_undone(struct copy_work *w, struct err *e)
{
    struct err why = *e, ignored;
    if (undo(w, &ignored) < 0)
        return err_fail(e, why.no, "%s (what was begun is undone later: %s)", why.text,
                        ignored.text);
    return err_fail(e, why.no, "%s", why.text);
}

/* ---- make, move ---- */

static int run_make(struct copy_work *w, struct err *e)
{
    const struct copying *c = w->c;
    int r = begin(w, COPY_MAKE, e);
    if (r < 0)
        return r;
    autofree struct copy_file *files = calloc(c->n, sizeof(*files));
    if (!files)
        return err_nomem(e);
    for (size_t i = 0; i < c->n; i++)
        files[i] = (struct copy_file){.from = c->disks[i].from, .to = c->disks[i].to};
    r = copy_files(files, c->n, e);
    progress_set("", 0, 0);
    for (size_t i = 0; r == 0 && i < c->n; i++)
        r = copy_check_made(&c->disks[i], e);
    if (r == 0)
        r = task_check(e);
    for (size_t i = 0; r == 0 && i < c->n; i++)
        text_add(w->remark, "%s'%s', a copy of '%s'%s", i ? ", " : "on ", files[i].to,
                 files[i].from, files[i].shared ? " that shares its blocks" : "");
    return r;
}

/* Where that definition of the domain has the disk, be it as a volume. */
static void add_place(const struct copy_work *w, const struct xml_domain *x,
                      const struct copy_disk *disk, struct xml_place *places, size_t *n)
{
    const struct xml_disk *on = xml_domain_disk(x, disk->target);
    const char *path = on ? volumes_path(w->now->volumes, &on->source) : NULL;
    bool volume = follow_to_same(path, disk->from);
    places[(*n)++] = (struct xml_place){.target = disk->target,
                                        .from = disk->from,
                                        .to = disk->to,
                                        .format = "qcow2",
                                        .copied = true,
                                        .pool = volume ? on->source.pool : NULL,
                                        .volume = volume ? on->source.volume : NULL};
}

static int move_places(const struct copy_work *w, const char *secure, char **ret, struct err *e)
{
    const struct copying *c = w->c;
    struct xml_domain *config autodestroy(xml_domain_free) = NULL;
    autofree struct xml_place *places = calloc(2 * c->n, sizeof(*places));
    size_t n = 0;
    int r = places ? xml_snapshot_config(secure, &config, e) : err_nomem(e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < c->n; i++) {
        add_place(w, w->s->parsed->domain, &c->disks[i], places, &n);
        if (config)
            add_place(w, config, &c->disks[i], places, &n);
    }
    return xml_move_snapshot(secure, places, n, ret, e);
}

static int redefine(struct copy_work *w, struct err *e)
{
    const struct copying *c = w->c;
    autofree char *old = NULL, *new = NULL;
    unsigned flags = VIRT_CREATE_REDEFINE;
    if (!strcmp(c->current, c->snapshot))
        flags |= VIRT_CREATE_CURRENT;
    int r = virt_snapshot_secure_xml(w->m->virt, w->uuid, c->snapshot, &old, e);
    if (r == 0)
        r = move_places(w, old, &new, e);
    return r == 0 ? virt_snapshot_create(w->m->virt, w->uuid, new, flags, NULL, e) : r;
}

/* What stays behind in the files is nobody's. */
static void mark_originals(const struct copying *c)
{
    for (size_t i = 0; i < c->n; i++)
        mark_left(c->disks[i].from, &c->disks[i].entry, 1);
}

static int run_move(struct copy_work *w, struct err *e)
{
    int r = begin(w, COPY_MOVE, e);
    if (r == 0 && !is_moved(w))
        r = redefine(w, e);
    if (r == 0)
        r = look(w, e);
    if (r == 0 && !is_moved(w))
        r = err_fail(e, EIO, "libvirt does not keep that snapshot '%s' is on another file",
                     w->c->snapshot);
    if (r == 0)
        mark_originals(w->c);
    return r;
}

/* A call whose answer did not come is made once more, since libvirt's daemon may be back, and what
 * it does it does but once. Nothing is undone that may still reach libvirt. */
static int move(struct copy_work *w, struct err *e)
{
    int r = run_move(w, e);
    if (r < 0 && err_is_open(e) && !err_is_want(e->no))
        r = run_move(w, e);
    if (r == 0)
        return 0;
    if (w->c->step < COPY_MOVE || !err_is_open(e))
        return fail_undone(w, e);
    struct err why = *e;
    return err_fail(e, why.no,
                    "%s (the rest is seen to by the next operation on the domain, or "
                    "the next mount)",
                    why.text);
}

/* ---- revert, remove ---- */

static int run_remove(struct copy_work *w, struct err *e)
{
    if (w->c->step != COPY_REMOVE && copy_record_step(w->j, COPY_REMOVE, e) < 0)
        return -e->no;
    w->c->step = COPY_REMOVE;
    if (leftovers_remove(w->m, w->now, &w->c->left, w->remark, e) < 0)
        text_add(w->remark, "; the disks that it had are left: %s", e->text);
    return journal_end(w->j, e);
}

/* The revert failed. The snapshot stays in its copy, which is as good. */
static int fail_reverted(struct copy_work *w, struct err *e)
{
    struct err why, ignored;
    if (w->now)
        outcome_settle(w->m, &(struct outcome){.before = w->now}, w->remark, e);
    why = *e;
    int r = journal_end(w->j, &ignored);
    return err_fail(e, why.no, "%s; the snapshot is in a copy of its file from now on%s", why.text,
                    r < 0 ? "; the journal cannot be ended" : "");
}

static struct failed failed_of(const struct copy_work *w)
{
    const struct copying *c = w->c;
    return (struct failed){
        .m = w->m, .uuid = w->uuid, .snapshot = c->snapshot, .config = c->before, .ran = c->active};
}

/* libvirt answered that it could not. What it did all the same is made whole. */
static int settle(struct copy_work *w, bool at, struct err *e)
{
    struct failed failed = failed_of(w);
    enum failed_end end;
    failed.at = at;
    failed_settle(&failed, &end, e);
    if (end != FAILED_AT_SNAPSHOT)
        return fail_reverted(w, e);
    struct err why = *e;
    if (look(w, e) == 0)
        run_remove(w, e); /* else the next operation does */
    return err_fail(e, why.no, "%s", why.text);
}

static int revert(struct copy_work *w, struct err *e)
{
    struct err failure = {0};
    bool done = false, at = false;
    int r = begin(w, COPY_REVERT, e);
    if (r == 0 && !w->c->active)
        r = failed_is_at(w->s, &at, e);
    if (r == 0)
        r = virt_snapshot_revert(w->m->virt, w->uuid, w->c->snapshot, w->flags, e);
    if (r < 0)
        failure = *e;
    if (r < 0 && !err_is_open(e))
        return settle(w, at, e);
    r = look(w, e);
    if (r == 0)
        r = is_reverted(w, &done, e);
    if (r < 0)
        return err_fail(e, failure.no ? failure.no : -r, "%s",
                        failure.no ? failure.text : "what has become of the revert is not known");
    if (done)
        return run_remove(w, e);
    if (!failure.no)
        err_fail(&failure, EIO, "libvirt has not put the domain on the copies");
    *e = failure;
    return fail_reverted(w, e);
}

int copy_revert(struct model *m, struct journal *j, struct domain *d, const struct snapshot *s,
                unsigned flags, struct text *remark, struct err *e)
{
    autowork struct copy_work w = {
        .m = m, .j = j, .uuid = d->uuid, .flags = flags, .remark = remark};
    int r = copy_plan(m, d, s, &w.c, e);
    if (r == 0)
        r = copy_record(j, w.c, e);
    if (r < 0)
        return r;
    if (run_make(&w, e) < 0)
        return fail_undone(&w, e);
    r = move(&w, e);
    return r == 0 ? revert(&w, e) : r;
}

/* ---- recovery ---- */

/* Has nobody the copies yet? */
static bool is_early(const struct copying *c)
{
    return c->step < COPY_MOVE || c->step == COPY_UNDO;
}

/* A revert that libvirt was asked for goes on without whoever asked, and this waits for it. */
static void wait_for_job(const struct copy_work *w)
{
    struct virt_block_job job;
    virt_block_job(w->m->virt, w->uuid, w->c->disks[0].target, &job, NULL);
}

/* The domain is gone, and the snapshot with it. */
static int recover_gone(struct copy_work *w, struct err *e)
{
    text_add(w->remark, "the revert to '%s' was cut off, and the domain is gone", w->c->snapshot);
    int r = is_early(w->c) ? drop_copies(w, e) : 0;
    return r == 0 ? journal_end(w->j, e) : r;
}

static int recover_undone(struct copy_work *w, struct err *e)
{
    text_add(w->remark, "the revert to '%s', which was cut off, is undone", w->c->snapshot);
    return undo(w, e);
}

/* The snapshot is moved all the way, since the call may still reach libvirt after whoever made it
 * is gone; not where it is another one by now. */
static int recover_moved(struct copy_work *w, struct err *e)
{
    bool moved = is_moved(w);
    if (!moved && check_same(w, e) < 0)
        return recover_undone(w, e);
    int r = moved ? 0 : move(w, e);
    if (r < 0)
        return r;
    mark_originals(w->c);
    text_add(w->remark,
             "the revert to '%s' was cut off, and was not made; the snapshot is in a copy of its "
             "file from now on",
             w->c->snapshot);
    return journal_end(w->j, e);
}

/* The domain is on the copies, and shut off: libvirt may have been about to start it, or QEMU may
 * not have started. *ret: it is as at the snapshot, else as before. */
static int recover_stopped(struct copy_work *w, bool *ret, struct err *e)
{
    struct failed failed = failed_of(w);
    enum failed_end end;
    struct err unknown = {.no = EIO};
    failed.ran = true;
    failed_settle(&failed, &end, &unknown);
    if (end == FAILED_UNTOUCHED)
        return err_fail(e, unknown.no, "%s", unknown.text);
    *ret = end == FAILED_AT_SNAPSHOT;
    return look(w, e);
}

static int recover(struct copy_work *w, struct err *e)
{
    bool done = false;
    if (is_early(w->c))
        return recover_undone(w, e);
    int r = is_reverted(w, &done, e);
    if (r == 0 && done && !w->now->active && w->c->before)
        r = recover_stopped(w, &done, e);
    if (r < 0)
        return r;
    if (!done)
        return recover_moved(w, e);
    text_add(w->remark, "the revert to '%s', which was cut off, is finished", w->c->snapshot);
    return run_remove(w, e);
}

int copy_recover(struct model *m, struct journal *j, const char *uuid, struct text *remark,
                 struct err *e)
{
    autowork struct copy_work w = {.m = m, .j = j, .uuid = uuid, .remark = remark};
    int r = copy_read(journal_text(j), &w.c, e);
    if (r < 0)
        return r;
    if (!w.c)
        return journal_end(j, e);
    r = procedure_check_uri(virt_uri(m->virt), w.c->uri, e);
    if (r < 0)
        return r;
    wait_for_job(&w);
    r = look(&w, e);
    return r == -ENOENT ? recover_gone(&w, e) : r == 0 ? recover(&w, e) : r;
}
