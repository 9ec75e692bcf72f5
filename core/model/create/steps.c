/* SPDX-License-Identifier: GPL-3.0-or-later */
/* steps.c - the steps that make a snapshot, and the recovery of one that was cut off. No locks of
 * its own: called under the domain's operation and its journal.
 *
 *     step    before it                       after it
 *     make    none of its files is there      libvirt has made it; the disks are on the overlays
 *     list    libvirt may not list it, or     libvirt lists it, as current; the domain's next start
 *             the guest may be frozen         is on the overlays; the guest is not frozen
 *
 * A `make` that was cut off is finished if a disk is on its overlay, by libvirt's XML or by QEMU's
 * locks, or every disk has its tag. Then the snapshot's bytes are all there, and later writes of
 * the guest are kept. Otherwise no guest ever wrote to an overlay, and the files are removed.
 */
#include "model/create/steps.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sync.h"
#include "image/image.h"
#include "image/qemu_locks.h"
#include "model/activity/progress.h"
#include "model/change/jobs.h"
#include "model/change/procedures.h"
#include "model/create/new_snapshot.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/change/reclaim.h"
#include "model/create/quiesce.h"
#include "model/graph/survey.h"
#include "model/reader/policy.h"
#include "model/activity/task.h"
#include "model/storage/source.h"
#include "model/storage/volumes.h"
#include "virt/change.h"
#include "virt/xml_move.h"

/* The looks for the end of a QEMU that has left libvirt. */
enum { END_LOOKS = 30, END_LOOK_MS = 100 };

static struct new_snapshot *of(const struct procedure *p)
{
    return (struct new_snapshot *)(uintptr_t)p;
}

static bool is_listed(const struct new_snapshot *ns)
{
    return domain_find_name(ns->p.now, ns->p.snapshot);
}

/* ---- make ---- */

/* Has libvirt make the snapshot. libvirt can abort only a save of the memory to a file. */
static int call_libvirt(struct new_snapshot *ns, struct err *e)
{
    struct procedure *p = &ns->p;
    progress_before(ns->saves ? "saving the memory" : "making the snapshot", ns->saves);
    if (ns->saves)
        task_may_abort(p->uuid);
    ns->asked = true;
    int r = virt_snapshot_create(p->m->virt, p->uuid, ns->request, ns->flags, ns->unsupported, e);
    if (ns->saves)
        task_past_abort();
    struct err ignored;
    if (r != -EINTR || task_check(&ignored) == 0)
        return r;
    struct err why = *e;
    return err_fail(e, EINTR, "it was interrupted, and aborted: %s", why.text);
}

/* Freezes the guest. If the answer did not come, the guest may be frozen. */
static int freeze(struct new_snapshot *ns, struct err *e)
{
    int r = quiesce_freeze(ns->p.m, ns->p.uuid, e);
    ns->frozen = r == 0 || err_is_unsure(e);
    return r;
}

static int thaw(struct new_snapshot *ns, struct err *e)
{
    int r = quiesce_thaw(ns->p.m, ns->p.uuid, ns->p.late, ns->p.remark, e);
    ns->frozen &= r < 0;
    return r;
}

/* Brings the overlays to the disk. If an overlay is lost in a crash of the machine, so is the data
 * that the guest had brought to the disk. */
static void sync_overlays(const struct new_snapshot *ns)
{
    struct err why;
    for (size_t i = 0; i < ns->n_overlays; i++)
        if (!ns->overlays[i].there && sync_file(ns->overlays[i].path, &why) < 0)
            text_add(ns->p.remark, "%s%s", ns->p.remark->len ? "; " : "", why.text);
}

/* Makes the snapshot. The guest's file systems are frozen meanwhile, if that was asked for and
 * there is a guest. snapfs does not use libvirt's own flag, because with it a failed thaw makes the
 * snapshot fail, although the disks are on new files. */
static int run_make(struct procedure *p, struct err *e)
{
    struct new_snapshot *ns = of(p);
    struct err ignored;
    int r = new_files_confirm(ns->new_files, e);
    if (r == 0 && ns->quiesce)
        r = freeze(ns, e);
    if (r < 0)
        return r;
    r = call_libvirt(ns, e);
    if (ns->frozen)
        thaw(ns, &ignored); /* if it fails, `list` or the undo does it again */
    if (r == 0)
        sync_overlays(ns);
    return r;
}

static enum step_fit fits_make(const struct procedure *p)
{
    const struct new_snapshot *ns = of(p);
    return ns->before && operation_sees_same(ns->before, ns->p.now) ? STEP_FITS : STEP_CHANGED;
}

/* ---- both ways ---- */

static bool is_paused(const struct new_snapshot *ns)
{
    return !strcmp(ns->p.now->state, "paused");
}

/* Resumes the guest. If libvirt is cut off while it saves a memory, it leaves the guest paused, as
 * if a user had paused it. A libvirt that goes on resumes the guest itself, perhaps just now. */
static int resume_guest(struct new_snapshot *ns, struct err *e)
{
    struct err again;
    bool saves = *ns->memory || ns->tags;
    if (!saves || !ns->running || !is_paused(ns))
        return 0;
    int r = virt_domain_resume(ns->p.m->virt, ns->p.uuid, e);
    if (r == 0)
        text_add(ns->p.remark, "; the domain, which was left paused, is resumed");
    else if (r == -EBUSY && procedure_look(&ns->p, &again) == 0 && !is_paused(ns))
        r = 0;
    return r;
}

/* ---- list ---- */

static const struct new_overlay *find_overlay(const struct new_snapshot *ns,
                                              const struct xml_disk *disk)
{
    const char *path = volumes_file(ns->p.now->volumes, &disk->source);
    for (size_t i = 0; path && i < ns->n_overlays; i++)
        if (!strcmp(ns->overlays[i].target, disk->target) &&
            (!strcmp(ns->overlays[i].path, path) || follow_to_same(ns->overlays[i].path, path)))
            return &ns->overlays[i];
    return NULL;
}

static bool is_on_overlays(const struct new_snapshot *ns, const char *xml)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    struct err ignored;
    bool on = false;
    if (xml_domain_parse(xml, &x, &ignored) < 0)
        return false;
    for (size_t i = 0; i < x->n_disks; i++)
        on |= find_overlay(ns, &x->disks[i]) != NULL;
    return on;
}

/* Returns whether QEMU is on the overlays and libvirt does not know that, because libvirt was cut
 * off right after QEMU's answer. QEMU's locks tell: it has the file below each overlay open and
 * does not write to it any more. */
static bool is_switched(const struct new_snapshot *ns)
{
    bool all = ns->p.now->active && ns->n_overlays;
    for (size_t i = 0; all && i < ns->n_overlays; i++) {
        const struct new_overlay *o = &ns->overlays[i];
        all = image_has_writer(o->path) && image_is_open(o->from) && !image_has_writer(o->from);
    }
    return all;
}

/* Returns whether the next start must be on the overlays. */
static bool is_in_use(const struct new_snapshot *ns)
{
    if (is_on_overlays(ns, ns->p.now->xml))
        return true;
    if (!is_switched(ns))
        return false;
    text_add(ns->p.remark, "; the guest writes to the new files, which libvirt knows only when the "
                           "domain is shut off and started again");
    return true;
}

/* Finds the disks that the configuration still has on the files below the overlays. */
static size_t find_places(const struct new_snapshot *ns, const struct xml_domain *x,
                          struct xml_place *places)
{
    size_t n = 0;
    for (size_t i = 0; i < ns->n_overlays; i++) {
        const struct new_overlay *o = &ns->overlays[i];
        const struct xml_disk *disk = xml_domain_disk(x, o->target);
        const char *path = disk ? volumes_file(ns->p.now->volumes, &disk->source) : NULL;
        bool volume = disk && disk->source.volume;
        if (path && follow_to_same(path, o->from) && !follow_to_same(path, o->path))
            places[n++] = (struct xml_place){.target = o->target,
                                             .from = path,
                                             .to = o->path,
                                             .format = o->format,
                                             .pool = volume ? disk->source.pool : NULL,
                                             .volume = volume ? disk->source.volume : NULL};
    }
    return n;
}

static int define_moved(const struct new_snapshot *ns, const char *secure,
                        const struct xml_place *places, size_t n, struct err *e)
{
    autofree char *xml = NULL;
    int r = xml_move_domain(secure, places, n, &xml, e);
    return r == 0 ? virt_domain_define(ns->p.m->virt, xml, e) : r;
}

/* Moves the configuration to the overlays. libvirt may have been cut off between the running domain
 * and its configuration. The next start would then be on the files that are the snapshot's now. */
static int move_config(struct new_snapshot *ns, struct err *e)
{
    autofree char *secure = NULL;
    autofree struct xml_place *places = calloc(ns->n_overlays + 1, sizeof(*places));
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    if (!places)
        return err_nomem(e);
    if (!is_in_use(ns) || !ns->p.now->persistent)
        return 0;
    int r = virt_domain_secure_config(ns->p.m->virt, ns->p.uuid, &secure, e);
    if (r == 0)
        r = xml_domain_parse(secure, &x, e);
    size_t n = r == 0 ? find_places(ns, x, places) : 0;
    return n ? define_moved(ns, secure, places, n, e) : r;
}

static int put_on_list(struct new_snapshot *ns, struct err *e)
{
    return virt_snapshot_create(ns->p.m->virt, ns->p.uuid, ns->listing,
                                VIRT_CREATE_REDEFINE | VIRT_CREATE_CURRENT, NULL, e);
}

/* Stops the guest if the caller still waits, because the caller asked for that too. Later, another
 * user may have the guest. */
static int halt(struct new_snapshot *ns, struct err *e)
{
    if (!ns->p.now->active)
        return 0;
    if (!ns->p.late)
        return virt_domain_destroy(ns->p.m->virt, ns->p.uuid, e);
    text_add(ns->p.remark, "; the domain was to be shut off, and is left running");
    return 0;
}

static int run_list(struct procedure *p, struct err *e)
{
    struct new_snapshot *ns = of(p);
    bool asked = ns->listed && !is_listed(ns);
    int r = ns->quiesce && (p->late || ns->frozen) ? thaw(ns, e) : 0;
    if (r == 0)
        r = move_config(ns, e);
    if (r == 0 && asked)
        r = put_on_list(ns, e);
    if (r == 0 && asked)
        r = ns->halt ? halt(ns, e) : resume_guest(ns, e);
    return r;
}

/* Returns whether the step has something to do. If libvirt answered the call, it has done all of
 * it. */
static enum step_fit fits_list(const struct procedure *p)
{
    const struct new_snapshot *ns = of(p);
    bool done = ns->before && p->step == 0 && !ns->frozen && (!ns->listed || is_listed(ns));
    return done ? STEP_SKIPPED : STEP_FITS;
}

/* ---- after it was cut off ---- */

static bool is_named(const struct survey *v, const struct new_snapshot *ns, int file)
{
    for (size_t i = 0; i < graph_n_users(v->graph); i++) {
        const struct graph_user *u = graph_user(v->graph, i);
        if (u->tag && u->tag_id && !strcmp(u->tag, ns->p.snapshot) &&
            graph_chain(v->graph, i, 0) == file)
            return true;
    }
    return false;
}

/* Counts the domain's disks that have its tag. None had one of that name before. */
static int count_tags(const struct new_snapshot *ns, unsigned *ret, struct err *e)
{
    struct survey v;
    struct err ignored;
    *ret = 0;
    if (!ns->tags || !virt_files_local(ns->p.m->virt, &ignored))
        return 0;
    int r = survey_make(ns->p.m, ns->p.now, SURVEY_ALONE, &v, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < v.live->n_disks; i++) {
        int user = survey_user(&v, ns->p.now, NULL, v.live->disks[i].target);
        int file = user < 0 ? GRAPH_NO_FILE : graph_chain(v.graph, (size_t)user, 0);
        *ret += file != GRAPH_NO_FILE && is_named(&v, ns, file);
    }
    survey_drop(&v);
    return 0;
}

/* Returns whether the memory is there, if the snapshot is to have one. */
static bool has_memory(const struct new_snapshot *ns)
{
    return !*ns->memory || access(ns->memory, F_OK) == 0;
}

static int is_made(const struct new_snapshot *ns, bool *ret, struct err *e)
{
    autofree char *config = NULL;
    unsigned tags;
    int r = count_tags(ns, &tags, e);
    if (r == 0 && ns->p.now->persistent)
        r = virt_domain_xml(ns->p.m->virt, ns->p.uuid, true, &config, e);
    if (r < 0)
        return r;
    bool on = is_on_overlays(ns, ns->p.now->xml) || is_switched(ns) ||
              (config && is_on_overlays(ns, config));
    bool lost = !ns->p.now->active && !has_memory(ns);
    *ret = (ns->tags && tags == ns->tags) || (on && !lost);
    return 0;
}

/* Waits for libvirt to note that the domain's QEMU has ended. */
static void wait_for_end(struct procedure *p)
{
    struct err ignored;
    for (int i = 0; i < END_LOOKS && p->now && p->now->active; i++)
        if (task_rest(END_LOOK_MS, &ignored) < 0 || procedure_look(p, &ignored) < 0)
            return;
}

/* Chooses the next action after a step failed. If libvirt fails when it has the disks on the
 * overlays, as when QEMU ends right then, the snapshot is there, and is finished. It is undone if
 * libvirt has removed the memory. */
static int stopped(struct procedure *p, enum step_end how, struct err *e)
{
    struct new_snapshot *ns = of(p);
    struct err ignored;
    bool failed = how == STEP_FAILED && p->next == 0 && ns->asked;
    if (!failed || procedure_look(p, &ignored) < 0 || !is_on_overlays(ns, p->now->xml))
        return procedure_stopped(p, how);
    if (!has_memory(ns)) {
        wait_for_end(p);
        return procedure_stopped(p, how);
    }
    text_add(p->remark, "%sit was made, but then: %s", p->remark->len ? "; " : "", e->text);
    return 1;
}

static int resume(struct procedure *p, int *ret_next, struct err *e)
{
    struct new_snapshot *ns = of(p);
    bool made = false;
    int r = jobs_wait(p->m, ns->p.now, e);
    if (r == 0)
        r = procedure_look(p, e);
    if (r == 0 && !ns->halt)
        r = resume_guest(ns, e); /* a QEMU that has saved its memory may have no locks until then */
    if (r == 0)
        r = procedure_look(p, e);
    if (r == 0)
        r = is_made(ns, &made, e);
    *ret_next = made || is_listed(ns) ? 1 : NEXT_UNDO;
    return r;
}

/* ---- undo ---- */

/* Deletes the tags. libvirt deletes a snapshot that it lists, even if some of the disks have no
 * tag. */
static int drop_tags(struct new_snapshot *ns, struct err *e)
{
    unsigned tags = 0;
    int r = ns->listed ? count_tags(ns, &tags, e) : 0;
    if (r < 0 || !tags)
        return r;
    r = put_on_list(ns, e);
    if (r == 0)
        r = virt_snapshot_delete(ns->p.m->virt, ns->p.uuid, ns->p.snapshot, false, e);
    if (r < 0 && !err_is_open(e)) {
        text_add(ns->p.remark, "; a tag of the snapshot is left: %s", e->text);
        return 0;
    }
    return r;
}

/* Returns whether no guest has written to the overlay. */
static bool is_empty(const struct new_snapshot *ns, const struct new_overlay *o)
{
    struct image *im autodestroy(image_unref) = NULL;
    struct allowance a = {.model = ns->p.m, .domain = ns->p.now, .anywhere = true};
    struct image_policy policy = policy_of(&a);
    struct image_source source = {.path = o->path, .format = o->format};
    struct image_extent x = {0};
    struct err ignored;
    bool empty = image_open(&source, &policy, &im, &ignored) == 0;
    for (uint64_t at = 0, size = empty ? image_size(im) : 0; empty && at < size;) {
        empty = image_map(im, at, size - at, &x, &ignored) == 0 && (!x.present || x.depth);
        at = x.offset + x.length;
    }
    return empty;
}

/* Returns the format that the disk had before. The document that would list the snapshot names
 * that format. */
static const char *format_before(const struct xml_snapshot *x, const char *target)
{
    const struct xml_disk *disk = x->domain ? xml_domain_disk(x->domain, target) : NULL;
    return disk ? policy_format(&disk->source) : NULL;
}

/* Puts the configuration back on the files below the overlays. If QEMU ends between the change of
 * the disks and the guest's next instruction, libvirt removes the memory that it has saved. The
 * disks are then on overlays, but no guest has written to these overlays. */
static int move_back(struct new_snapshot *ns, struct err *e)
{
    autofree char *secure = NULL;
    autofree struct xml_place *places = calloc(ns->n_overlays + 1, sizeof(*places));
    struct xml_snapshot *x autodestroy(xml_snapshot_free) = NULL;
    bool all = true;
    if (!places)
        return err_nomem(e);
    if (has_memory(ns) || !*ns->listing || ns->p.now->active || !ns->p.now->persistent ||
        !is_on_overlays(ns, ns->p.now->xml))
        return 0;
    int r = xml_snapshot_parse(ns->listing, &x, e);
    for (size_t i = 0; r == 0 && i < ns->n_overlays; i++) {
        const struct new_overlay *o = &ns->overlays[i];
        places[i] = (struct xml_place){.target = o->target,
                                       .from = o->path,
                                       .to = o->from,
                                       .format = format_before(x, o->target)};
        all &= places[i].format && !o->there && !image_is_open(o->path) && is_empty(ns, o);
    }
    if (r < 0 || !all)
        return r;
    r = virt_domain_secure_config(ns->p.m->virt, ns->p.uuid, &secure, e);
    if (r == 0)
        r = define_moved(ns, secure, places, ns->n_overlays, e);
    return r == 0 ? procedure_look(&ns->p, e) : r;
}

/* Returns whether the disks may be on their overlays. QEMU puts all disks on them at once, when it
 * has all of them open. */
static bool may_be_switched(const struct new_snapshot *ns)
{
    struct stat st;
    bool all = true;
    for (size_t i = 0; i < ns->n_overlays; i++)
        all &= stat(ns->overlays[i].path, &st) == 0 && image_is_open(ns->overlays[i].path);
    return all;
}

/* Removes the files. The names were free when libvirt was asked, so a file of such a name is the
 * snapshot's. */
static int drop_files(struct new_snapshot *ns, struct err *e)
{
    autofree struct reclaim_own *files = calloc(ns->n_overlays + 1, sizeof(*files));
    size_t n = 0;
    if (!files)
        return err_nomem(e);
    enum left what = may_be_switched(ns) ? LEFT_TOP : LEFT_UNUSED;
    for (size_t i = 0; i < ns->n_overlays; i++)
        if (!ns->overlays[i].there)
            files[n++] = (struct reclaim_own){ns->overlays[i].path, ns->overlays[i].from, what};
    if (*ns->memory)
        files[n++] = (struct reclaim_own){.path = ns->memory, .what = LEFT_MEMORY};
    return n ? reclaim_drop_own(ns->p.m, ns->p.now, files, n, ns->p.remark, e) : 0;
}

/* Undoes the making. If the domain is gone, every file stays, because its disks may be on the
 * overlays. */
static int undo(struct procedure *p, struct err *e)
{
    struct new_snapshot *ns = of(p);
    if (p->gone)
        return 0;
    int r = ns->quiesce && (p->late || ns->frozen) ? thaw(ns, e) : 0;
    if (r < 0 || !(p->late || ns->asked))
        return r;
    r = resume_guest(ns, e);
    if (r == 0)
        r = move_back(ns, e);
    if (r == 0)
        r = drop_tags(ns, e);
    return r == 0 ? drop_files(ns, e) : r;
}

/* ---- the procedure ---- */

static const struct step steps[] = {
    {"make", run_make, NULL, fits_make, STEP_ONCE | STEP_WITH_PLAN, NULL},
    {"list", run_list, NULL, fits_list, STEP_BOUND, NULL},
};

const struct procedure_kind new_snapshot_kind = {
    .word = "create",
    .version = 1,
    .noun = "the making of",
    .fields = {new_snapshot_rows, NEW_SNAPSHOT_ROWS},
    .size = sizeof(struct new_snapshot),
    .steps = steps,
    .n_steps = sizeof(steps) / sizeof(*steps),
    .commit_at = 1,
    .look = procedure_look,
    .stopped = stopped,
    .resume = resume,
    .undo = undo,
    .drop = procedure_drop_now,
};
