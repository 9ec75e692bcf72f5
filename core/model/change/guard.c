/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guard.c - see change/guard.h. No locks of its own: called under the domain's `operation` lock.
 *
 * Rules, each from a shape in which libvirt's own call loses data or dies:
 *   - a name that is also another tag's id picks that other tag (QEMU looks up ids first);
 *   - a revert to an internal snapshot writes into its file: where anything else stands on that, it
 *     is made on a copy;
 *   - libvirt's revert to an external snapshot unlinks the files of the current one, unchecked,
 *     stops the domain before it knows that it can make the overlays, and ends the daemon where no
 *     snapshot is current: it is never asked for;
 *   - a running domain must still have the disks that a snapshot to be deleted had.
 */
#include "model/change/guard.h"

#include <errno.h>
#include <string.h>

#include "base/name.h"
#include "model/catalog/capability.h"
#include "model/catalog/document.h"
#include "model/graph/mount_path.h"
#include "model/graph/survey.h"
#include "model/reader/open.h"
#include "model/reader/pulled.h"
#include "model/revert/chains.h"
#include "model/revert/startable.h"
#include "model/state.h"
#include "model/storage/volumes.h"
#include "virt/shared.h"
#include "virt/xml.h"

enum { NAMES_SHOWN_MAX = 8 /* of what would be lost, in one sentence */ };

/* ---- who would be harmed ---- */

struct harm {
    const struct graph *graph;
    const struct domain *domain;
    const struct snapshot *snapshot; /* itself not counted, nor the domain's live disks */
    struct text names;
    size_t n;
};

static void harm_each(void *ctx, const struct graph_user *u, size_t i)
{
    struct harm *h = ctx;
    bool here = !strcmp(u->domain, h->domain->name);
    if (here && u->snapshot && !strcmp(u->snapshot, h->snapshot->name))
        return;
    if (here && !u->snapshot && !u->tag)
        return;
    if (h->n++ >= NAMES_SHOWN_MAX)
        return;
    text_add(&h->names, "%s", h->n > 1 ? ", " : "");
    graph_describe(h->graph, i, &h->names);
}

static void harm_drop(struct harm *h)
{
    text_drop(&h->names);
}

/* EBUSY naming who would be. */
static int refuse_harm(const struct harm *h, int file, struct err *e)
{
    return err_fail(e, EBUSY, "reverting would write to '%s', used by %s%s",
                    graph_file_path(h->graph, file),
                    h->names.failed ? "other snapshots" : h->names.s,
                    h->n > NAMES_SHOWN_MAX ? ", and more" : "");
}

/* ---- names and ids ---- */

/* In the file of this disk: does the name pick exactly the snapshot's own tag? */
static int check_tag_name(const struct survey *v, int file, const struct snapshot *s, struct err *e)
{
    unsigned named = 0;
    for (size_t i = 0; i < graph_n_users(v->graph); i++) {
        const struct graph_user *u = graph_user(v->graph, i);
        if (!u->tag || !u->tag_id || u->again || graph_chain(v->graph, i, 0) != file)
            continue;
        bool own_name = !strcmp(u->tag, s->name);
        if (!strcmp(u->tag_id, s->name) && !own_name)
            return err_fail(e, EBUSY,
                            "QEMU would take '%s' for the id of tag '%s' in '%s', not for the name",
                            s->name, u->tag, graph_file_path(v->graph, file));
        named += own_name;
    }
    if (named > 1)
        return err_fail(e, EBUSY, "'%s' holds %u tags named '%s'; QEMU would take the first",
                        graph_file_path(v->graph, file), named, s->name);
    return 0;
}

/* ---- pieces of the questions ---- */

/* The number of the file at the top of that user's chain; GRAPH_NO_FILE for no such user. */
static int top_file(const struct survey *v, int user)
{
    return user < 0 ? GRAPH_NO_FILE : graph_chain(v->graph, (size_t)user, 0);
}

/* A clone on this snapshot's image in a mount keeps the snapshot, and so does one whose path leads
 * through the snapshot's directory. */
static int refuse_clones(const struct survey *v, const struct domain *d, const struct snapshot *s,
                         struct err *e)
{
    for (size_t i = 0; i < graph_n_users(v->graph); i++) {
        const char *mount_path = graph_user(v->graph, i)->mount_path;
        if (!mount_path || !mount_path_uses(d, s, mount_path, survey_knows_domain(v, mount_path)))
            continue;
        autotext struct text who = {0};
        graph_describe(v->graph, i, &who);
        return err_fail(e, EBUSY,
                        "%s uses the image '%s' in a mount, whose path needs this snapshot%s",
                        who.failed ? "a clone" : who.s, mount_path,
                        graph_user(v->graph, i)->found
                            ? "; remove that image, or write 'force' to the 'delete' file"
                            : "");
    }
    return 0;
}

bool guard_is_external(const struct snapshot *s)
{
    bool external = s->parsed->memory == XML_EXTERNAL;
    for (size_t i = 0; i < s->n_disks; i++)
        external |= !s->disks[i].tag;
    return external;
}

/* libvirt 9.0 ends when a running domain lacks one of the disks that the snapshot lists, also those
 * it left out, such as a CD-ROM. */
static bool is_attached(const struct survey *v, const struct snapshot *s)
{
    for (size_t i = 0; i < s->parsed->n_disks; i++)
        if (!xml_domain_disk(v->live, s->parsed->disks[i].target))
            return false;
    return true;
}

/* libvirt names an internal snapshot of a running domain through QEMU's monitor. */
static int check_monitor(const struct domain *d, const struct snapshot *s, struct err *e)
{
    if (!d->active || guard_is_external(s) || !name_is_mangled(s->name))
        return 0;
    return err_fail(e, EBUSY,
                    "QEMU's monitor would take '%s' for another name; shut the domain off first",
                    s->name);
}

/* Of a snapshot that cannot be read nobody knows what stands on what. */
static int check_readable(const struct domain *d, struct err *e)
{
    if (!d->n_unreadable)
        return 0;
    return err_fail(e, EBUSY, "the XML of %zu snapshots of domain '%s' cannot be read",
                    d->n_unreadable, d->name);
}

/* A saved state would be resumed later, on the files and with the contents it was saved with. */
int guard_saved(struct model *m, const struct domain *d, const char *what, struct err *e)
{
    struct virt_status status;
    int r = virt_domain_status(m->virt, d->uuid, false, &status, e);
    if (r < 0 || !status.managed_save)
        return r;
    return err_fail(e, EBUSY,
                    "the domain has a saved state that a later start would resume %s; start the "
                    "domain, or remove it with 'virsh managedsave-remove'",
                    what);
}

/* ---- delete ---- */

/* Does the domain run, without its disks of then or on other files than those that hold the tag?
 * QEMU lets nobody else change these. */
static bool is_elsewhere(const struct survey *v, const struct domain *d, const struct snapshot *s)
{
    if (d->active && !is_attached(v, s))
        return true;
    for (size_t i = 0; d->active && i < s->n_disks; i++) {
        const char *target = s->disks[i].target;
        int file = top_file(v, survey_user(v, d, s, target));
        if (file != top_file(v, survey_user(v, d, NULL, target)))
            return true;
    }
    return false;
}

static int delete_tags(const struct survey *v, const struct domain *d, const struct snapshot *s,
                       struct err *e)
{
    int r = check_monitor(d, s, e);
    for (size_t i = 0; r == 0 && i < s->n_disks; i++) {
        int file = top_file(v, survey_user(v, d, s, s->disks[i].target));
        r = file == GRAPH_NO_FILE
                ? err_fail(e, EBUSY, "disk '%s' of the snapshot is not a local file",
                           s->disks[i].target)
                : check_tag_name(v, file, s, e);
    }
    return r;
}

int guard_delete(const struct survey *v, const struct domain *d, const struct snapshot *s,
                 bool metadata, bool *ret_native, struct err *e)
{
    *ret_native = !metadata && !guard_is_external(s) && !is_elsewhere(v, d, s);
    int r = check_readable(d, e);
    if (r == 0)
        r = refuse_clones(v, d, s, e);
    return r == 0 && *ret_native ? delete_tags(v, d, s, e) : r;
}

/* ---- revert ---- */

struct sharers {
    struct harm harm;
    int file;
    bool written; /* a running domain writes to it: an image that no domain has is spoilt by now */
    bool sure;    /* one stands on the file; else one may, as far as can be told */
};

static void share_each(void *ctx, const struct graph_user *u, size_t i)
{
    struct sharers *h = ctx;
    size_t before = h->harm.n;
    if (h->written && u->found)
        return;
    harm_each(&h->harm, u, i);
    h->sure |= h->harm.n > before && graph_depth(h->harm.graph, i, h->file) != SIZE_MAX;
}

/* Whoever may stand on a file that a running domain writes to has lost his bytes already. */
int guard_shares(const struct survey *v, const struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, bool *ret, struct err *e)
{
    int own = survey_user(v, d, s, disk->target);
    if (own < 0)
        return err_fail(e, EBUSY, "disk '%s' of the snapshot is not a local file", disk->target);
    struct sharers h = {.file = top_file(v, own)};
    h.written = d->active && survey_is_live(v, d, h.file);
    h.harm = (struct harm){.graph = v->graph, .domain = d, .snapshot = s};
    graph_users_of(v->graph, h.file, false, share_each, &h);
    *ret = h.sure;
    int r = check_tag_name(v, h.file, s, e);
    if (r == 0 && h.harm.n && !h.sure && !h.written)
        r = refuse_harm(&h.harm, h.file, e);
    harm_drop(&h.harm);
    return r;
}

static int refusal(int no)
{
    return no == ENOENT || no == EOPNOTSUPP ? no : EBUSY;
}

static int revert_disks(struct model *m, const struct survey *v, struct domain *d,
                        const struct snapshot *s, enum guard_way *ret_way, struct err *e)
{
    for (size_t i = 0; i < s->n_disks; i++) {
        if (s->disks[i].no)
            return err_fail(e, refusal(s->disks[i].no), "%s", s->disks[i].reason);
        int r = images_check_content(d, s, &s->disks[i], e);
        if (r < 0)
            return r;
    }
    *ret_way = guard_is_external(s) ? GUARD_OVERLAYS : GUARD_NATIVE;
    for (size_t i = 0; i < s->n_disks; i++)
        if (pulled_check_revert(m, d, s, &s->disks[i], e) < 0)
            return -e->no;
    for (size_t i = 0; *ret_way != GUARD_OVERLAYS && i < s->n_disks; i++) {
        bool shared = false;
        int r = guard_shares(v, d, s, &s->disks[i], &shared, e);
        if (r < 0)
            return r;
        if (shared)
            *ret_way = GUARD_COPY;
    }
    return 0;
}

/* Every disk that the domain had then, a CD in a drive among them: libvirt starts none without its
 * volumes. */
static int check_volumes(const struct domain *d, const struct snapshot *s, struct err *e)
{
    const struct xml_domain *x = s->parsed->domain;
    int r = 0;
    for (size_t i = 0; r == 0 && x && i < x->n_disks; i++)
        r = volumes_check(d->volumes, &x->disks[i], e);
    return r;
}

/* Those that are made by steps of our own ask it of the domain that these make. */
static int check_start(const struct domain *d, const struct snapshot *s, unsigned flags,
                       struct err *e)
{
    bool runs = s->parsed->memory != XML_NO || (flags & (VIRT_REVERT_RUNNING | VIRT_REVERT_PAUSED));
    if (!d->active && !runs)
        return 0;
    return startable_check(d, s->doc->xml, "domainsnapshot", flags & VIRT_REVERT_RESET_NVRAM, NULL,
                           e);
}

int guard_revert(struct model *m, struct domain *d, const struct snapshot *s, unsigned flags,
                 enum guard_way *ret_way, struct reclaim *left, struct err *e)
{
    *ret_way = GUARD_NATIVE;
    if (m->is_test)
        return 0;
    struct survey v;
    int r = check_readable(d, e);
    if (r == 0)
        r = check_monitor(d, s, e);
    if (r == 0)
        r = guard_saved(m, d, "on the reverted disks", e);
    if (r == 0)
        r = check_volumes(d, s, e);
    if (r == 0)
        r = survey_make(m, d, SURVEY_BESIDE, &v, e);
    if (r < 0)
        return r;
    r = revert_disks(m, &v, d, s, ret_way, e);
    if (r == 0 && *ret_way != GUARD_OVERLAYS)
        r = revert_chains_check(d, s, e);
    if (r == 0 && *ret_way != GUARD_OVERLAYS)
        r = check_start(d, s, flags, e);
    if (r == 0)
        r = reclaim_note_live(left, &v, d, e);
    if (r == 0)
        r = reclaim_check(m, left, e);
    survey_drop(&v);
    return r;
}

/* ---- create ---- */

int guard_overlays(const struct model *m, struct err *e)
{
    if (!virt_is_anothers(m->virt))
        return 0;
    return err_fail(
        e, EACCES,
        "libvirt would make the new files as its own user, and this user could neither read nor "
        "remove them; nothing was done; use a mount by root");
}

/* Can libvirt make an internal one? Only where every disk that is written to is qcow2. */
static bool makes_internal(const struct xml_domain *live)
{
    for (size_t i = 0; i < live->n_disks; i++) {
        const struct xml_disk *disk = &live->disks[i];
        if (disk->snapshot && !strcmp(disk->snapshot, "external"))
            return false;
        bool written = !disk->readonly && *disk->source.type && strcmp(disk->device, "cdrom") != 0;
        if (written && (!disk->source.format || strcmp(disk->source.format, "qcow2") != 0))
            return false;
    }
    return true;
}

static int check_new_tag(const struct survey *v, const struct domain *d, const char *name,
                         struct err *e)
{
    for (size_t i = 0; i < graph_n_users(v->graph); i++) {
        const struct graph_user *u = graph_user(v->graph, i);
        if (!u->tag || (strcmp(u->tag, name) != 0 && (!u->tag_id || strcmp(u->tag_id, name) != 0)))
            continue;
        int file = graph_chain(v->graph, i, 0);
        if (survey_is_live(v, d, file))
            return err_fail(e, EEXIST, "'%s' already holds a tag with the name or id '%s'",
                            graph_file_path(v->graph, file), name);
    }
    return 0;
}

static int check_job_name(const struct model *m, const struct domain *d, const char *name,
                          struct err *e)
{
    if (!d->active || model_can(m, CAN_NAME_FREELY) || name_is_plain(name))
        return 0;
    return err_fail(e, EINVAL,
                    "this libvirt makes an internal snapshot of a running domain only under a name "
                    "of letters, digits, '.', '_' and '-', which '%s' is not",
                    name);
}

int guard_create(struct model *m, const struct survey *v, const struct domain *d, const char *name,
                 const struct plan *p, struct err *e)
{
    int r = 0;
    if (p->internal && makes_internal(v->live))
        r = check_job_name(m, d, name, e);
    if (r == 0 && p->external)
        r = guard_saved(m, d, "on the file that the new snapshot has by then", e);
    return r < 0 ? r : check_new_tag(v, d, name, e);
}
