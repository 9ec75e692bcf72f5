/* SPDX-License-Identifier: GPL-3.0-or-later */
/* steps.c - see delete/steps.h. No locks of its own: called under the domain's operation.
 *
 *     step     before it                         after it
 *     start    the domain is shut off            it is paused, if something is to be merged
 *     merge    the overlays are on the bases     the bases have their bytes as well; the live
 *                                                chain is without them
 *     stop     it may be paused for the merge    it is shut off as before
 *     move     snapshots may name the overlays   they name the bases, with the same bytes
 *     hide     the snapshot names its overlay    it names none
 *     forget   the snapshot is listed            libvirt has forgotten it
 *     remove   its files are there               the files that nothing needs are gone
 */
#include "model/delete/steps.h"

#include <errno.h>
#include <string.h>

#include "image/tags.h"
#include "model/change/outcome.h"
#include "model/delete/half_merge.h"
#include "model/reader/evidence.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/change/guard.h"
#include "model/change/later.h"
#include "model/journal/kept_marks.h"
#include "virt/change.h"
#include "virt/xml_move.h"

const struct snapshot *delete_target(const struct delete *del)
{
    const struct snapshot *s = domain_find_name(del->p.now, del->p.snapshot);
    return s && (uint64_t)s->parsed->created == del->created ? s : NULL;
}

static struct delete *of(struct procedure *p)
{
    return (struct delete *)p;
}

static bool is_paused(const struct delete *del)
{
    return !strcmp(del->p.now->state, "paused");
}

/* ---- start, stop ---- */

int delete_run_start(struct procedure *p, struct err *e)
{
    struct delete *del = of(p);
    if (!del->start || del->p.now->active || !delete_target(del))
        return 0;
    int r = guard_saved(del->p.m, del->p.now, "on a file that is merged by then", e);
    if (r == 0 && del->merging)
        r = half_merge_settle_all(del, e);
    return r == 0 ? virt_domain_start(del->p.m->virt, del->p.uuid, VIRT_START_PAUSED, e) : r;
}

/* Stops the domain that was started for the merges. If another user resumed it, it is left to that
 * user, even if it is paused again. */
int delete_run_stop(struct procedure *p, struct err *e)
{
    struct delete *del = of(p);
    bool ran = true;
    if (!del->start || !del->p.now->active)
        return 0;
    int r = is_paused(del) ? virt_domain_has_run(del->p.m->virt, del->p.uuid, &ran, e) : 0;
    if (r == 0 && !ran)
        return virt_domain_destroy(del->p.m->virt, del->p.uuid, e);
    if (r == 0)
        text_add(del->p.remark, "; another program resumed the domain, which is left as it is");
    return r;
}

/* ---- move ---- */

const struct xml_disk *delete_disk_in(const struct delete_disk *disk, const struct xml_domain *x,
                                      const char **ret_name)
{
    for (size_t i = 0; i < x->n_disks; i++) {
        const char *name = follow_name(&x->disks[i], disk->top);
        if (name && ret_name)
            *ret_name = name;
        if (name)
            return &x->disks[i];
    }
    return NULL;
}

/* Finds the disks that are on an overlay that was merged, or have it in their chain. */
static size_t find_places(const struct delete *del, const struct xml_domain *domain,
                          struct xml_place *places)
{
    size_t n = 0;
    for (size_t i = 0; i < del->n; i++) {
        const struct delete_disk *disk = &del->disks[i];
        const char *from = NULL;
        const struct xml_disk *x = disk->merged ? delete_disk_in(disk, domain, &from) : NULL;
        if (x)
            places[n++] = (struct xml_place){
                .target = x->target, .from = from, .to = disk->base, .format = disk->format};
    }
    return n;
}

static int redefine(struct delete *del, const struct snapshot *s, const char *xml, struct err *e)
{
    unsigned flags = del->p.now->current == s ? VIRT_CREATE_CURRENT : 0;
    struct outcome o = {.before = del->p.now,
                        .is_done = outcome_is_rewritten,
                        .ctx = s,
                        .done = "the snapshot is redefined"};
    int r = virt_snapshot_create(del->p.m->virt, del->p.uuid, xml, VIRT_CREATE_REDEFINE | flags,
                                 NULL, e);
    return r < 0 ? outcome_settle(del->p.m, &o, del->p.remark, e) : 0;
}

static int move_snapshot(struct delete *del, const struct snapshot *s, struct xml_place *places,
                         struct err *e)
{
    autofree char *secure = NULL, *xml = NULL;
    size_t n = s->parsed->domain ? find_places(del, s->parsed->domain, places) : 0;
    if (!n)
        return 0;
    int r = virt_snapshot_secure_xml(del->p.m->virt, del->p.uuid, s->name, &secure, e);
    if (r == 0)
        r = xml_move_snapshot(secure, places, n, &xml, e);
    return r == 0 ? redefine(del, s, xml, e) : r;
}

/* Moves the disks of the domain's configuration. If the domain or libvirt's daemon ends just then,
 * libvirt has not noted the merge. It would look for the overlay at the next start. */
static int move_config(struct delete *del, struct xml_place *places, struct err *e)
{
    autofree char *secure = NULL, *xml = NULL;
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    if (!del->p.now->persistent)
        return 0;
    int r = virt_domain_secure_config(del->p.m->virt, del->p.uuid, &secure, e);
    if (r == 0)
        r = xml_domain_parse(secure, &x, e);
    size_t n = r == 0 ? find_places(del, x, places) : 0;
    if (!n)
        return r;
    r = xml_move_domain(secure, places, n, &xml, e);
    return r == 0 ? virt_domain_define(del->p.m->virt, xml, e) : r;
}

int delete_run_move(struct procedure *p, struct err *e)
{
    struct delete *del = of(p);
    autofree struct xml_place *places = calloc(del->n + 1, sizeof(*places));
    int r = places ? 0 : err_nomem(e);
    for (size_t i = 0; r == 0 && del->n && i < del->p.now->n; i++)
        if (&del->p.now->all[i] != delete_target(del))
            r = move_snapshot(del, &del->p.now->all[i], places, e);
    return r == 0 && del->n ? move_config(del, places, e) : r;
}

/* ---- hide, forget, remove ---- */

static bool is_merged(const struct delete *del, const char *base)
{
    for (size_t i = 0; i < del->n; i++)
        if (del->disks[i].merged && follow_to_same(del->disks[i].base, base))
            return true;
    return false;
}

/* Notes the overlays that are not merged now. A later delete has no other way to know that it may
 * merge them. */
static void note_overlays(const struct delete *del, const struct snapshot *s)
{
    for (size_t i = 0; !del->metadata && i < s->n_disks; i++) {
        const struct snapshot_disk *disk = &s->disks[i];
        if (!disk->tag && disk->path && !is_merged(del, disk->path))
            later_note_overlay(del->p.m, del->p.now, s, disk);
    }
}

/* Redefines the snapshot without its overlay, if it has children. When libvirt 9.0 forgets a
 * snapshot, libvirt assumes that the snapshot's overlay was merged. For each snapshot with bytes in
 * that overlay, libvirt writes the base into the XML instead. If the forgotten snapshot names no
 * overlay, libvirt changes no other snapshot. */
int delete_run_hide(struct procedure *p, struct err *e)
{
    struct delete *del = of(p);
    const struct snapshot *s = delete_target(del);
    autofree char *secure = NULL, *xml = NULL;
    if (s)
        note_overlays(del, s);
    if (!s || !del->hide)
        return 0;
    int r = virt_snapshot_secure_xml(del->p.m->virt, del->p.uuid, s->name, &secure, e);
    if (r == 0)
        r = xml_withdraw_snapshot(secure, &xml, e);
    return r == 0 ? redefine(del, s, xml, e) : r;
}

/* Marks the tag as left: it has no snapshot any more. */
static void mark_tag(const struct delete *del, const struct snapshot_disk *disk)
{
    struct image_tags *tags autodestroy(image_tags_free) = NULL;
    struct image_source source = {.path = disk->path, .format = disk->format};
    if (image_tags_read(&source, NULL, &tags, NULL) < 0)
        return;
    for (size_t i = 0; i < tags->n; i++)
        if (!strcmp(tags->tags[i].name, disk->tag))
            marks_left(del->p.m, del->p.uuid, disk->path, &tags->tags[i].identity.entry, 1);
}

/* Marks a disk that cannot be merged or deleted now. A later delete may do it. */
static void mark_disk(const struct delete *del, const struct snapshot_disk *disk)
{
    if (disk->no || !disk->path)
        return;
    if (disk->tag)
        mark_tag(del, disk);
    else if (!is_merged(del, disk->path))
        later_note_base(del->p.m, del->p.now, disk);
}

static bool is_gone(const struct domain *now, const void *s)
{
    return !domain_find_same(now, s);
}

static void writing(struct model *m, const char *uuid, const char *path)
{
    struct err ignored;
    (void)evidence_writing(m, uuid, path, NULL, &ignored);
}

static void each_tag_file(struct model *m, const struct domain *d, const struct snapshot *s,
                          void (*call)(struct model *m, const char *uuid, const char *path))
{
    for (size_t i = 0; i < s->n_disks; i++)
        if (s->disks[i].tag && s->disks[i].path)
            call(m, d->uuid, s->disks[i].path);
}

int delete_call(struct model *m, const struct domain *d, const struct snapshot *s, bool native,
                struct text *remark, struct err *e)
{
    struct outcome o = {.before = d, .is_done = is_gone, .ctx = s, .done = "the snapshot is gone"};
    if (native)
        each_tag_file(m, d, s, writing);
    int r = virt_snapshot_delete(m->virt, d->uuid, s->name, !native, e);
    if (native)
        each_tag_file(m, d, s, evidence_written);
    return r < 0 ? outcome_settle(m, &o, remark, e) : 0;
}

int delete_run_forget(struct procedure *p, struct err *e)
{
    struct delete *del = of(p);
    const struct snapshot *s = delete_target(del);
    if (!s)
        return 0;
    int r = delete_call(del->p.m, del->p.now, s, del->native, del->p.remark, e);
    for (size_t i = 0; r == 0 && !del->metadata && i < s->n_disks; i++)
        mark_disk(del, &s->disks[i]);
    return r;
}

/* Returns whether the file may be removed. An overlay that is not known to be merged may be all
 * that there is of a disk. */
static bool may_go(const struct delete *del, const struct unused_file *file)
{
    for (size_t i = 0; i < del->n; i++)
        if (!del->disks[i].merged && !strcmp(del->disks[i].top, file->path))
            return false;
    return true;
}

int delete_run_remove(struct procedure *p, struct err *e)
{
    struct delete *del = of(p);
    const struct reclaim *all = &del->left;
    autofree struct unused_file *items =
        calloc(all->n + 1, sizeof(*items)); /* borrow their paths */
    struct reclaim left = {.items = items};
    if (!items)
        return err_nomem(e);
    for (size_t i = 0; i < all->n; i++)
        if (may_go(del, &all->items[i]))
            left.items[left.n++] = all->items[i];
    return reclaim_remove(del->p.m, del->p.now, &left, del->survey, del->p.remark, e);
}
