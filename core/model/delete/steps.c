/* steps.c - see delete/steps.h. No locks of its own: called under the domain's operation.
 *
 *     step     before it                         after it
 *     start    the domain is shut off            it is paused, where something is to be merged
 *     merge    the overlays stand on the         the contents have their bytes as well; the live
 *              contents                          chain is without them
 *     stop     it may be paused for us           it is shut off as before
 *     move     snapshots may name the overlays   they name the contents, with the same bytes
 *     hide     the snapshot names its overlay    it names none
 *     forget   the snapshot is listed            libvirt has forgotten it
 *     remove   its files are there               those that nothing needs are gone
 */
#include "model/delete/steps.h"

#include <errno.h>
#include <string.h>

#include "model/catalog/catalog.h"
#include "model/change/outcome.h"
#include "model/delete/commit.h"
#include "model/reader/evidence.h"
#include "model/storage/file_chain.h"
#include "model/change/guard.h"
#include "model/delete/later.h"
#include "model/storage/file_marks.h"
#include "virt/change.h"
#include "virt/xml_move.h"

const struct snapshot *delete_target(const struct deletion *w)
{
    const struct snapshot *s = domain_find_name(w->now, w->del->snapshot);
    return s && (uint64_t)s->parsed->created == w->del->created ? s : NULL;
}

int delete_look(struct deletion *w, struct err *e)
{
    domain_unref(take(w->now));
    return model_domain_now(w->m, w->uuid, &w->now, e);
}

static bool is_paused(const struct deletion *w)
{
    return !strcmp(w->now->state, "paused");
}

/* ---- start, stop ---- */

static int run_start(struct deletion *w, struct err *e)
{
    if (!w->del->start || w->now->active || !delete_target(w))
        return 0;
    int r = guard_saved(w->m, w->now, "on a file that is merged by then", e);
    return r == 0 ? virt_domain_start(w->m->virt, w->uuid, VIRT_START_PAUSED, e) : r;
}

/* Whoever resumed it has it now, also where it is paused again. */
static int run_stop(struct deletion *w, struct err *e)
{
    bool ran = true;
    if (!w->del->start || !w->now->active)
        return 0;
    int r = is_paused(w) ? virt_domain_has_run(w->m->virt, w->uuid, &ran, e) : 0;
    if (r == 0 && !ran)
        return virt_domain_destroy(w->m->virt, w->uuid, e);
    if (r == 0)
        text_add(w->remark, "; the domain was resumed by someone, and is left as it is");
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

/* Where the disks are on an overlay that was merged, or say that they stand on it. */
static size_t find_places(const struct deletion *w, const struct xml_domain *domain,
                          struct xml_place *places)
{
    size_t n = 0;
    for (size_t i = 0; i < w->del->n; i++) {
        const struct delete_disk *disk = &w->del->disks[i];
        const char *from = NULL;
        const struct xml_disk *x = disk->merged ? delete_disk_in(disk, domain, &from) : NULL;
        if (x)
            places[n++] = (struct xml_place){
                .target = x->target, .from = from, .to = disk->base, .format = disk->format};
    }
    return n;
}

static int redefine(struct deletion *w, const struct snapshot *s, const char *xml, struct err *e)
{
    unsigned flags = w->now->current == s ? VIRT_CREATE_CURRENT : 0;
    struct outcome o = {.before = w->now,
                        .is_done = outcome_is_rewritten,
                        .ctx = s,
                        .done = "the snapshot is redefined"};
    int r = virt_snapshot_create(w->m->virt, w->uuid, xml, VIRT_CREATE_REDEFINE | flags, NULL, e);
    return r < 0 ? outcome_settle(w->m, &o, w->remark, e) : 0;
}

static int move_snapshot(struct deletion *w, const struct snapshot *s, struct xml_place *places,
                         struct err *e)
{
    autofree char *secure = NULL, *xml = NULL;
    size_t n = s->parsed->domain ? find_places(w, s->parsed->domain, places) : 0;
    if (!n)
        return 0;
    int r = virt_snapshot_secure_xml(w->m->virt, w->uuid, s->name, &secure, e);
    if (r == 0)
        r = xml_move_snapshot(secure, places, n, &xml, e);
    return r == 0 ? redefine(w, s, xml, e) : r;
}

/* Where the domain or libvirt's daemon ends just then, libvirt has not noted the merge: it would
 * look for the overlay at the next start. */
static int move_config(struct deletion *w, struct xml_place *places, struct err *e)
{
    autofree char *secure = NULL, *xml = NULL;
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    if (!w->now->persistent)
        return 0;
    int r = virt_domain_secure_config(w->m->virt, w->uuid, &secure, e);
    if (r == 0)
        r = xml_domain_parse(secure, &x, e);
    size_t n = r == 0 ? find_places(w, x, places) : 0;
    if (!n)
        return r;
    r = xml_move_domain(secure, places, n, &xml, e);
    return r == 0 ? virt_domain_define(w->m->virt, xml, e) : r;
}

static int run_move(struct deletion *w, struct err *e)
{
    autofree struct xml_place *places = calloc(w->del->n + 1, sizeof(*places));
    int r = places ? 0 : err_nomem(e);
    for (size_t i = 0; r == 0 && w->del->n && i < w->now->n; i++)
        if (&w->now->all[i] != delete_target(w))
            r = move_snapshot(w, &w->now->all[i], places, e);
    return r == 0 && w->del->n ? move_config(w, places, e) : r;
}

/* ---- hide, forget, remove ---- */

static bool is_merged(const struct deletion *w, const char *base)
{
    for (size_t i = 0; i < w->del->n; i++)
        if (w->del->disks[i].merged && follow_to_same(w->del->disks[i].base, base))
            return true;
    return false;
}

/* What is not merged now a later delete may merge, which has no other way to know it for ours. */
static void note_overlays(const struct deletion *w, const struct snapshot *s)
{
    for (size_t i = 0; !w->del->metadata && i < s->n_disks; i++) {
        const struct snapshot_disk *disk = &s->disks[i];
        if (!disk->tag && disk->path && !is_merged(w, disk->path))
            later_note_overlay(w->m, w->now, s, disk);
    }
}

/* libvirt 9.0 takes it that what it forgets was merged, and has those who have their bytes in the
 * overlay look for them in the content. Where the snapshot names no overlay nobody has. */
static int run_hide(struct deletion *w, struct err *e)
{
    const struct snapshot *s = delete_target(w);
    autofree char *secure = NULL, *xml = NULL;
    if (s)
        note_overlays(w, s);
    if (!s || !w->del->hide)
        return 0;
    int r = virt_snapshot_secure_xml(w->m->virt, w->uuid, s->name, &secure, e);
    if (r == 0)
        r = xml_withdraw_snapshot(secure, &xml, e);
    return r == 0 ? redefine(w, s, xml, e) : r;
}

/* The tag has no snapshot any more. */
static void mark_tag(const struct snapshot_disk *disk)
{
    struct image_tags *tags autodestroy(image_tags_free) = NULL;
    struct image_source source = {.path = disk->path, .format = disk->format};
    if (image_tags_read(&source, NULL, &tags, NULL) < 0)
        return;
    for (size_t i = 0; i < tags->n; i++)
        if (!strcmp(tags->tags[i].name, disk->tag))
            mark_left(disk->path, &tags->tags[i].identity.entry, 1);
}

/* What cannot be merged or deleted now a later delete may. */
static void mark_disk(const struct deletion *w, const struct snapshot_disk *disk)
{
    if (disk->no || !disk->path)
        return;
    if (disk->tag)
        mark_tag(disk);
    else if (!is_merged(w, disk->path))
        later_note_base(w->m, w->now, disk);
}

static bool is_gone(const struct domain *now, const void *s)
{
    return !domain_find_same(now, s);
}

static void writing(struct model *m, const char *uuid, const char *path)
{
    evidence_writing(m, uuid, path, NULL);
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

static int run_forget(struct deletion *w, struct err *e)
{
    const struct snapshot *s = delete_target(w);
    if (!s)
        return 0;
    int r = delete_call(w->m, w->now, s, w->del->native, w->remark, e);
    for (size_t i = 0; r == 0 && !w->del->metadata && i < s->n_disks; i++)
        mark_disk(w, &s->disks[i]);
    return r;
}

/* An overlay that is not known to be merged may be all that there is of somebody's disk. */
static bool may_go(const struct deletion *w, const struct leftover *file)
{
    for (size_t i = 0; i < w->del->n; i++)
        if (!w->del->disks[i].merged && !strcmp(w->del->disks[i].top, file->path))
            return false;
    return true;
}

static int run_remove(struct deletion *w, struct err *e)
{
    const struct leftovers *all = &w->del->left;
    autofree struct leftover *items = calloc(all->n + 1, sizeof(*items)); /* borrow their paths */
    struct leftovers left = {.items = items};
    if (!items)
        return err_nomem(e);
    for (size_t i = 0; i < all->n; i++)
        if (may_go(w, &all->items[i]))
            left.items[left.n++] = all->items[i];
    return leftovers_remove(w->m, w->now, &left, w->remark, e);
}

int delete_run_step(struct deletion *w, enum delete_step step, struct err *e)
{
    static int (*const runs[DELETE_STEPS])(struct deletion * w, struct err * e) = {
        [DELETE_START] = run_start,   [DELETE_MERGE] = delete_merge, [DELETE_STOP] = run_stop,
        [DELETE_MOVE] = run_move,     [DELETE_HIDE] = run_hide,      [DELETE_FORGET] = run_forget,
        [DELETE_REMOVE] = run_remove,
    };
    return runs[step] ? runs[step](w, e) : 0;
}
