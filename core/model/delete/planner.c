/* SPDX-License-Identifier: GPL-3.0-or-later */
/* planner.c - makes the plan of a delete (delete/plan.h) from the domain, its snapshot and the
 * files of all domains. No locks of its own: called under the domain's operation. Reads headers
 * only, writes nothing. */
#include <errno.h>
#include <string.h>

#include "image/qemu_locks.h"
#include "model/change/operation.h"
#include "model/change/redefinable.h"
#include "model/delete/away.h"
#include "model/delete/check.h"
#include "model/delete/detached.h"
#include "model/delete/plan.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/change/guard.h"
#include "model/change/later.h"
#include "model/delete/mergeable.h"
#include "model/graph/users.h"
#include "model/change/fingerprint.h"
#include "virt/xml.h"

/* An overlay that is to be merged into the file directly below it. */
struct pair {
    const char *target; /* of the live disk */
    struct merge m;
    bool optional; /* an earlier delete left the overlay; this delete may leave it, too */
};

struct planner {
    struct model *m;
    struct domain *d;
    const struct snapshot *s;
    const struct snapshot *below; /* all snapshots below it are deleted, too; NULL: none */
    struct survey *survey;
    struct delete *del;
    struct text *remark;
    struct pair *pairs;
    size_t n_pairs;
};

/* ---- the merges, and the files that may be left ---- */

static int add_pair(struct planner *p, const char *target, const struct merge *m, bool optional,
                    struct err *e)
{
    for (size_t i = 0; i < p->n_pairs; i++)
        if (p->pairs[i].m.base == m->base)
            return 0;
    if (!mem_room(p->pairs, p->n_pairs))
        return err_nomem(e);
    p->pairs[p->n_pairs++] = (struct pair){.target = target, .m = *m, .optional = optional};
    return 0;
}

/* Keeps the files of a disk that the domain no longer has. These files may be all that is left of
 * the disk. */
static void keep_detached(const struct planner *p, const struct snapshot_disk *disk, int own,
                          size_t first)
{
    struct reclaim *left = &p->del->left;
    if (left->n == first || !detached_is(p->survey, p->d, disk, (size_t)own))
        return;
    for (size_t i = first; i < left->n; i++)
        left->items[i].what = LEFT_DETACHED;
}

/* Notes the files that may be removed. If they may not, the remark tells why. */
static int plan_left(const struct planner *p, const struct snapshot_disk *disk, int own,
                     struct err *e)
{
    const struct graph *g = p->survey->graph;
    int file = own < 0 ? GRAPH_NO_FILE : graph_chain(g, (size_t)own, 0);
    size_t unattached = users_unattached(p->survey, file), first = p->del->left.n;
    if (unattached != SIZE_MAX) {
        text_add(p->remark, "; '%s' is left for ", disk->path);
        graph_describe(g, unattached, p->remark);
        return 0;
    }
    int r = reclaim_note_chain(&p->del->left, p->survey, p->d, own, e);
    if (r == 0)
        keep_detached(p, disk, own, first);
    return r;
}

/* Finds the merge into that file. Fails with ENOENT if the live disk does not use the file. */
static int find_merge(const struct planner *p, const char *target, int base, struct merge *ret,
                      struct err *e)
{
    struct merge_gone gone = {.one = p->s, .below = p->below};
    int r =
        base == GRAPH_NO_FILE ? -ENOENT : merge_find(p->survey, p->d, gone, target, base, ret, e);
    return r == 0 ? merge_check_files(p->d, p->survey, target, ret, e) : r;
}

/* Returns the target of a live disk that uses the file. Prefers the snapshot's own target, but the
 * domain's XML may have another target by now. Returns NULL if no live disk uses the file. */
static const char *live_on(const struct planner *p, const char *target, int file)
{
    const struct xml_domain *live = p->survey->live;
    const char *found = NULL;
    for (size_t i = 0; file != GRAPH_NO_FILE && i < live->n_disks; i++) {
        const char *name = live->disks[i].target;
        int user = survey_user(p->survey, p->d, NULL, name);
        size_t k = user < 0 ? SIZE_MAX : graph_depth(p->survey->graph, (size_t)user, file);
        if (k != SIZE_MAX && k > 0 && (!found || !strcmp(name, target)))
            found = name;
    }
    return found;
}

static int plan_content(struct planner *p, const struct snapshot_disk *disk, struct err *e)
{
    struct merge merge;
    struct err why;
    int own = survey_user(p->survey, p->d, p->s, disk->target);
    int file = own < 0 || disk->tag ? GRAPH_NO_FILE : graph_chain(p->survey->graph, (size_t)own, 0);
    const char *target = live_on(p, disk->target, file);
    int r = find_merge(p, target ? target : disk->target, file, &merge, &why);
    if (r == 0 && merge_check_found(p->survey, &merge, e) < 0)
        return -e->no;
    if (r == 0)
        return add_pair(p, target, &merge, false, e);
    if (r == -EBUSY)
        text_add(p->remark, "; disk '%s' is not merged: %s", disk->target, why.text);
    return plan_left(p, disk, own, e);
}

/* ---- what earlier deletes could not merge ---- */

static int plan_base(struct planner *p, const char *target, int base, struct err *e)
{
    const struct graph *g = p->survey->graph;
    const char *path = graph_file_path(g, base);
    struct merge merge;
    struct err ignored;
    if (!later_is_base(p->d->kept, path) || find_merge(p, target, base, &merge, &ignored) < 0 ||
        merge.found >= 0)
        return 0;
    bool ours = reclaim_is_overlay(p->d, graph_file_path(g, merge.top), path);
    return ours ? add_pair(p, target, &merge, true, e) : 0;
}

static int plan_bases(struct planner *p, const char *target, struct err *e)
{
    int live = survey_user(p->survey, p->d, NULL, target), file, r = 0;
    if (live < 0 || graph_user(p->survey->graph, (size_t)live)->incomplete)
        return 0;
    for (size_t k = 1; r == 0; k++) {
        file = graph_chain(p->survey->graph, (size_t)live, k);
        if (file == GRAPH_NO_FILE)
            break;
        r = plan_base(p, target, file, e);
    }
    return r;
}

/* ---- the order, and the space ---- */

static const struct pair *pair_above(const struct planner *p, int file, bool all)
{
    for (size_t i = 0; file != GRAPH_NO_FILE && i < p->n_pairs; i++)
        if (p->pairs[i].m.base == file && (all || !p->pairs[i].optional))
            return &p->pairs[i];
    return NULL;
}

static bool is_lowest(const struct planner *p, const struct pair *pair, bool all)
{
    for (size_t i = 0; i < p->n_pairs; i++)
        if (p->pairs[i].m.top == pair->m.base && (all || !p->pairs[i].optional))
            return false;
    return true;
}

/* Adds a line of overlays: each has the one before as its backing file. They are merged one after
 * the other into the file below the line, the lowest first. After each merge, that file is the
 * backing file of the next overlay. */
static int add_line(const struct planner *p, const struct pair *pair, bool all, struct err *e)
{
    const struct graph *g = p->survey->graph;
    int base = pair->m.base;
    for (; pair; pair = pair_above(p, pair->m.top, all)) {
        const char *above = pair->m.above < 0 ? "" : graph_file_path(g, pair->m.above);
        if (!delete_add(p->del, pair->target, graph_file_path(g, base), graph_file_format(g, base),
                        graph_file_path(g, pair->m.top), above))
            return err_nomem(e);
    }
    return 0;
}

static int order(const struct planner *p, bool all, struct err *e)
{
    int r = 0;
    delete_drop_disks(p->del);
    for (size_t i = 0; r == 0 && i < p->n_pairs; i++)
        if ((all || !p->pairs[i].optional) && is_lowest(p, &p->pairs[i], all))
            r = add_line(p, &p->pairs[i], all, e);
    return r;
}

/* Returns whether the tag of that disk is in an overlay that is merged. The overlay's removal
 * removes the tag. */
static bool is_merged_tag(const struct planner *p, const struct snapshot_disk *disk)
{
    for (size_t i = 0; disk->tag && i < p->del->n; i++)
        if (follow_to_same(disk->path, p->del->disks[i].top))
            return true;
    return false;
}

static size_t count_tags(const struct planner *p, bool merged)
{
    size_t n = 0;
    for (size_t i = 0; i < p->s->n_disks; i++)
        n += p->s->disks[i].tag && is_merged_tag(p, &p->s->disks[i]) == merged;
    return n;
}

/* Returns whether tags would be left. If one tag of the snapshot is in a merged overlay, libvirt
 * deletes none of the snapshot's tags, and the tags in other files would stay there. */
static bool leaves_tags(const struct planner *p)
{
    return p->del->native && count_tags(p, true) && count_tags(p, false);
}

/* Orders the merges. Includes the overlays that earlier deletes left, if there is enough space and
 * no tag would be left. */
static int plan_order(const struct planner *p, struct err *e)
{
    struct err why;
    int r = order(p, true, e);
    if (r == 0 && (leaves_tags(p) || delete_check_space(p->del, &why) < 0)) {
        r = order(p, false, e);
        r = r < 0 ? r : delete_check_space(p->del, e);
    }
    for (size_t i = 0; r == 0 && i < p->del->n; i++)
        r = reclaim_note(&p->del->left, p->del->disks[i].top, LEFT_TOP, e);
    return r;
}

static int plan_files(struct planner *p, struct err *e)
{
    const struct xml_snapshot *x = p->s->parsed;
    int r = 0;
    for (size_t i = 0; r == 0 && i < p->s->n_disks; i++)
        r = plan_content(p, &p->s->disks[i], e);
    for (size_t i = 0; r == 0 && i < p->survey->live->n_disks; i++)
        r = plan_bases(p, p->survey->live->disks[i].target, e);
    if (r == 0)
        r = plan_order(p, e);
    p->del->native &= !count_tags(p, true);
    if (r == 0 && x->memory == XML_EXTERNAL && x->memory_file)
        r = reclaim_note(&p->del->left, x->memory_file, LEFT_MEMORY, e);
    return r;
}

/* ---- the domain ---- */

/* Checks that no other QEMU has one of the files open. libvirt's domains are known, so such a QEMU
 * was started by hand, or by another libvirt daemon. If the domain runs, QEMU itself refuses the
 * merge. */
static int check_open(const struct planner *p, struct err *e)
{
    for (size_t i = 0; !p->d->active && i < p->del->n; i++) {
        const struct delete_disk *disk = &p->del->disks[i];
        const char *open = image_is_open(disk->base)  ? disk->base
                           : image_is_open(disk->top) ? disk->top
                                                      : NULL;
        if (open)
            return err_fail(
                e, EBUSY,
                "cannot merge '%s' into '%s': a QEMU that no domain here has started has '%s' "
                "open; end it first",
                disk->top, disk->base, open);
    }
    return 0;
}

/* Checks that the domain can be merged now. A saved state would be resumed later, on a file that is
 * merged by then. */
static int check_merge(const struct planner *p, struct err *e)
{
    struct virt_status status;
    if (!p->del->n)
        return 0;
    int r = check_open(p, e);
    if (r == 0)
        r = guard_saved(p->m, p->d, "on a file that is merged by then", e);
    if (r == 0)
        r = virt_domain_status(p->m->virt, p->d->uuid, p->d->active, &status, e);
    if (r == 0 && status.block_job)
        return err_fail(e, EBUSY, "the domain has a block job under way");
    return r;
}

/* Returns whether other snapshots are on an overlay that is merged. They are redefined after
 * that. */
static bool moves_others(const struct planner *p)
{
    for (size_t i = 0; i < p->d->n; i++) {
        const struct snapshot *s = &p->d->all[i];
        for (size_t k = 0; s != p->s && s->parsed->domain && k < p->del->n; k++)
            if (delete_disk_in(&p->del->disks[k], s->parsed->domain, NULL))
                return true;
    }
    return false;
}

static int check_redefines(const struct planner *p, struct err *e)
{
    if (!p->del->hide && !moves_others(p))
        return 0;
    return redefinable_check(p->m, p->d->uuid, p->d->active, "start the domain first", e);
}

static void fill(const struct planner *p, bool metadata)
{
    struct delete *del = p->del;
    del->created = (uint64_t)p->s->parsed->created;
    del->snapshots = fingerprint_snapshots(p->d);
    del->start = del->n && !p->d->active;
    del->metadata = metadata;
    del->hide = guard_is_external(p->s) && p->s->n_children;
}

static int plan_all(struct planner *p, bool metadata, struct err *e)
{
    int r = guard_delete(p->survey, p->d, p->s, metadata, &p->del->native, e);
    if (r == 0 && !metadata && !p->del->force)
        r = away_check(p->d, p->s, e);
    if (r == 0 && !p->del->native && !metadata && !guard_is_external(p->s))
        text_add(p->remark,
                 "; its tag stays in its file, which the running domain does not write to");
    if (r == 0 && !metadata)
        r = plan_files(p, e);
    if (r == 0)
        r = check_merge(p, e);
    if (r == 0)
        r = reclaim_check(p->m, &p->del->left, e);
    fill(p, metadata);
    if (r == 0)
        r = delete_check_notes(p->m, p->del, p->d->active, e);
    if (r == 0 && p->del->start)
        r = delete_check_ownership(p->m, p->survey, p->d, e);
    return r == 0 ? check_redefines(p, e) : r;
}

/* ---- the whole ---- */

/* Makes the plan of one delete with a survey that was made before. */
static int plan_one(struct planner *p, struct delete *del, bool metadata, struct err *e)
{
    p->del = del;
    int r = plan_all(p, metadata, e);
    free(take(p->pairs));
    p->n_pairs = 0;
    return r;
}

/* Makes the plan of a delete that is only checked, and drops the plan. */
static int check_one(struct planner *p, const struct procedure_kind *kind,
                     const struct delete_how *how, struct err *e)
{
    struct procedure *one autodestroy(procedure_free) = procedure_new(kind);
    struct delete *del = (struct delete *)one;
    if (!one)
        return err_nomem(e);
    del->force = how->force;
    return plan_one(p, del, how->metadata, e);
}

/* Makes a survey, unless the one at hand is of the domain as it is. */
static int look_around(struct model *m, struct domain *d, bool force, struct survey *v,
                       struct err *e)
{
    if (v->asking && v->scope == delete_scope(force) && operation_sees_same(v->asking, d))
        return 0;
    survey_drop(v);
    return survey_make(m, d, delete_scope(force), v, e);
}

int delete_plan_below(const struct procedure_kind *kind, struct model *m, struct domain *d,
                      const struct snapshot *top, bool itself, const struct delete_how *how,
                      struct err *e)
{
    autotext struct text ignored = {0};
    struct planner p = {.m = m, .d = d, .below = top, .survey = how->survey, .remark = &ignored};
    int r = m->is_test ? 1 : look_around(m, d, how->force, p.survey, e);
    if (r != 0)
        return r < 0 ? r : 0;
    for (size_t i = 0; r == 0 && i < d->n; i++) {
        p.s = &d->all[i];
        if ((p.s == top && itself) || snapshot_is_below(p.s, top))
            r = check_one(&p, kind, how, e);
    }
    return r;
}

/* The survey is used up: the delete changes what it told of. */
int delete_plan(struct delete *del, struct domain *d, const struct snapshot *s, bool metadata,
                struct text *remark, struct err *e)
{
    autosurvey struct survey v = {0};
    struct planner p = {.m = del->p.m, .d = d, .s = s, .survey = &v, .remark = remark};
    if (del->survey)
        v = survey_take(del->survey);
    int r = look_around(p.m, d, del->force, &v, e);
    if (r == 0)
        r = plan_one(&p, del, metadata, e);
    if (r == 0 && v.unseen)
        text_add(remark, "%s", v.unseen);
    return r;
}
