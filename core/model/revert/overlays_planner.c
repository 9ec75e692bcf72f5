/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlays_planner.c - makes the plan of a revert (revert/overlays_plan.h) from the domain, its
 * snapshot and the files of all domains. No locks of its own: called under the domain's operation.
 * Reads headers only, writes nothing. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "image/layers.h"
#include "model/catalog/capability.h"
#include "model/change/guard.h"
#include "model/change/redefinable.h"
#include "model/reader/image_backing.h"
#include "model/state.h"
#include "model/storage/file_chain.h"
#include "model/storage/overlay_name.h"
#include "model/change/fingerprint.h"
#include "model/change/procedures.h"
#include "model/revert/chains.h"
#include "model/revert/check.h"
#include "model/revert/startable.h"
#include "model/revert/overlays_plan.h"
#include "model/storage/source.h"
#include "model/storage/volumes.h"
#include "virt/change.h"

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

/* ---- the plan ---- */

struct planner {
    struct model *m;
    struct domain *d;
    const struct snapshot *s;
    const struct survey *survey;
    struct revert *rv;
    char *secure; /* the snapshot's XML */
    bool force;
};

/* Refuses a file to which a guest writes, because it is no longer what the snapshot captured. */
static int refuse_written(const struct planner *p, int file, struct err *e)
{
    const struct graph *g = p->survey->graph;
    for (size_t i = 0; i < graph_n_users(g); i++) {
        const struct graph_user *u = graph_user(g, i);
        if (graph_is_live(u) && graph_same(g, graph_chain(g, i, 0), file))
            return err_fail(e, EBUSY, "'%s' is the live disk %s of domain '%s', which writes to it",
                            graph_file_path(g, file), u->target, u->domain);
    }
    return 0;
}

/* Returns whether anything uses the file as a backing file, except this domain's live disks. */
static bool is_forked(const struct planner *p, int file)
{
    const struct graph *g = p->survey->graph;
    for (size_t i = 0; i < graph_n_users(g); i++) {
        const struct graph_user *u = graph_user(g, i);
        if (!u->snapshot && !u->tag && !strcmp(u->domain, p->d->name))
            continue;
        for (size_t k = 1; graph_chain(g, i, k - 1) != GRAPH_NO_FILE; k++)
            if (graph_chain(g, i, k) == file)
                return true;
    }
    return false;
}

/* Checks that the file can be a backing file: it must be a whole image to which no guest writes. */
static int check_base(const struct planner *p, const struct xml_disk *x, struct revert_disk *disk,
                      struct err *e)
{
    struct image_layer *layers = NULL;
    struct stat st;
    size_t n = 0;
    if (stat(disk->base, &st) < 0)
        return err_fail(e, errno, "'%s', which holds disk '%s' of the snapshot: %s", disk->base,
                        disk->target, strerrordesc_np(errno));
    if (!S_ISREG(st.st_mode))
        return err_fail(
            e, EOPNOTSUPP,
            "disk '%s' of the snapshot is on '%s', which is not a file; only disks on files are "
            "reverted",
            disk->target, disk->base);
    int r = backing_layers(p->d, p->s, x, &layers, &n, e);
    image_layers_free(layers, n);
    if (r < 0)
        return r;
    int file = graph_file(p->survey->graph, disk->base, disk->format, st.st_dev, st.st_ino);
    if (file < 0)
        return err_nomem(e);
    disk->forked = is_forked(p, file);
    return refuse_written(p, file, e);
}

static int add_disk(struct planner *p, const struct xml_disk *x, struct revert_disk **ret,
                    struct err *e)
{
    const struct xml_source *s = &x->source;
    autofree char *overlay = NULL;
    const char *path = volumes_file(p->d->volumes, s);
    if (!path || s->slice || s->encrypted || x->transient || x->shareable)
        return err_fail(
            e, EOPNOTSUPP,
            "disk '%s' of the snapshot is not a plain file (its type is '%s'%s); only disks on "
            "plain files are reverted",
            x->target, s->type,
            s->slice || s->encrypted       ? ", a slice or encrypted"
            : x->transient || x->shareable ? ", transient or shared"
                                           : "");
    if (!s->format)
        return err_fail(e, EINVAL, "the XML does not say which format disk '%s' has", x->target);
    int r = overlay_name(path, &overlay, e);
    if (r < 0)
        return r;
    *ret = revert_add(p->rv, x->target, path, s->format, overlay);
    return *ret ? check_base(p, x, *ret, e) : err_nomem(e);
}

static int plan_captured(struct planner *p, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < p->s->n_disks; i++) {
        const struct snapshot_disk *disk = &p->s->disks[i];
        const struct xml_disk *x = xml_domain_disk(p->s->parsed->domain, disk->target);
        struct revert_disk *added = NULL;
        if (!x || disk->tag)
            return err_fail(e, EOPNOTSUPP, "disk '%s' of the snapshot is not an external one",
                            disk->target);
        r = add_disk(p, x, &added, e);
        if (r == 0)
            added->captured = true;
    }
    return r;
}

/* ---- disks that the snapshot left out ---- */

static bool same_source(const struct xml_source *a, const struct xml_source *b)
{
    return !strcmp(a->type, b->type) && strcmp(a->type, "network") != 0 &&
           !strcmp(or_empty(a->path), or_empty(b->path)) &&
           !strcmp(or_empty(a->pool), or_empty(b->pool)) &&
           !strcmp(or_empty(a->volume), or_empty(b->volume));
}

static bool is_planned(const struct revert *rv, const char *target)
{
    for (size_t i = 0; i < rv->n; i++)
        if (!strcmp(rv->disks[i].target, target))
            return true;
    return false;
}

/* Plans a disk that the snapshot left out, if the guest may write to it. It goes on as it is if it
 * is still on the same file. Otherwise it gets an overlay, as captured disks do. Saved memory does
 * not fit bytes of another time. */
static int plan_left_out(struct planner *p, const struct xml_disk *x, struct err *e)
{
    const struct xml_disk *live = xml_domain_disk(p->survey->live, x->target);
    struct revert_disk *added;
    if (x->readonly || !*x->source.type || !strcmp(x->device, "cdrom") ||
        is_planned(p->rv, x->target))
        return 0;
    if (*p->rv->memory && !p->force)
        return err_fail(
            e, EPERM,
            "disk '%s' was left out of the snapshot, so its bytes do not fit the saved memory; "
            "write 'force' to revert anyway",
            x->target);
    if (live && same_source(&x->source, &live->source))
        return 0;
    return add_disk(p, x, &added, e);
}

static int make_config(const struct planner *p, char **ret, struct err *e)
{
    size_t n;
    autofree struct xml_moved *moved = revert_moved(p->rv, false, &n);
    autochains struct revert_chains chains = {0};
    int r = moved ? revert_chains_find(p->d, p->s, p->rv, &chains, e) : err_nomem(e);
    if (r < 0)
        return r;
    return xml_revert_domain(p->secure, p->d->name, moved, n, chains.items, chains.n, ret, e);
}

static int plan_others(struct planner *p, struct err *e)
{
    autofree char *config = NULL;
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    int r = make_config(p, &config, e);
    if (r == 0)
        r = xml_domain_parse(config, &x, e);
    for (size_t i = 0; r == 0 && i < x->n_disks; i++)
        r = plan_left_out(p, &x->disks[i], e);
    return r;
}

/* ---- memory ---- */

/* Checks that the memory can be restored. libvirt restores a saved domain only under its old name.
 * Its old files do not matter, because a delete may have merged them meanwhile. */
static int check_memory(const struct planner *p, struct err *e)
{
    size_t n;
    autofree char *saved = NULL, *moved_xml = NULL;
    autofree struct xml_moved *moved = revert_moved(p->rv, true, &n);
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    if (!moved)
        return err_nomem(e);
    int r = virt_saved_xml(p->m->virt, p->rv->memory, &saved, e);
    if (r == 0)
        r = xml_revert_saved(saved, moved, n, NULL, 0, &moved_xml, e);
    if (r == 0)
        r = xml_domain_parse(saved, &x, e);
    if (r < 0)
        return r;
    if (strcmp(x->name, p->d->name) != 0 || strcmp(or_empty(x->uuid), p->d->uuid) != 0)
        return err_fail(
            e, EOPNOTSUPP,
            "the memory was saved when the domain was called '%s', and libvirt resumes it only "
            "under that name; rename the domain back first",
            x->name);
    for (size_t i = 0; i < n; i++) {
        const struct xml_disk *disk = xml_domain_disk(x, moved[i].target);
        if (!disk || !policy_path(p->d->volumes, &disk->source))
            return err_fail(e, EIO, "the memory was saved without a disk '%s' on a file",
                            moved[i].target);
    }
    return 0;
}

/* ---- all together ---- */

static int check_domain(const struct planner *p, struct err *e)
{
    struct virt_status status;
    const struct xml_snapshot *x = p->s->parsed;
    int r = virt_domain_status(p->m->virt, p->d->uuid, p->d->active, &status, e);
    if (r == 0)
        r = redefinable_check(p->m, p->d->uuid, false, NULL, e);
    if (r < 0)
        return r;
    if (!status.persistent)
        return err_fail(e, EOPNOTSUPP,
                        "the domain is transient: it would be gone when it is stopped for the "
                        "revert");
    if (status.block_job || status.managed_save)
        return err_fail(e, EBUSY, "the domain has %s",
                        status.block_job ? "a block job under way" : "a saved state");
    if (x->delete_in_progress)
        return err_fail(e, EBUSY, "a delete of a child of '%s' was cut off; finish that first",
                        p->s->name);
    return 0;
}

static int copy_strings(const struct planner *p, struct err *e)
{
    struct revert *rv = p->rv;
    const struct xml_snapshot *x = p->s->parsed;
    rv->current = procedure_current(p->d);
    rv->memory = strdup(x->memory == XML_EXTERNAL ? or_empty(x->memory_file) : "");
    return rv->current && rv->memory ? 0 : err_nomem(e);
}

/* Checks that the domain can start. Saved memory has a definition of the domain of its own. */
static int check_start(const struct planner *p, const char *config, struct err *e)
{
    autofree char *saved = NULL;
    const struct revert *rv = p->rv;
    if (!p->d->active && !rv->start)
        return 0;
    int r = startable_check(p->d, config, "domain", rv->flags & VIRT_START_RESET_NVRAM, rv, e);
    if (r == 0 && *rv->memory)
        r = virt_saved_xml(p->m->virt, rv->memory, &saved, e);
    return r == 0 && saved ? startable_check(p->d, saved, "domain", false, rv, e) : r;
}

static int fill_fingerprints(struct planner *p, struct err *e)
{
    autofree char *after = NULL, *config = NULL;
    struct revert *rv = p->rv;
    int r = make_config(p, &after, e);
    if (r == 0)
        r = check_start(p, after, e);
    if (r == 0)
        r = fingerprint_config(after, &rv->config_after, e);
    if (r == 0 && p->d->active)
        r = virt_domain_xml(p->m->virt, p->d->uuid, true, &config, e);
    if (r == 0)
        r = fingerprint_config(config ? config : p->d->xml, &rv->config_before, e);
    rv->snapshots = fingerprint_snapshots(p->d);
    return r;
}

static int plan_all(struct planner *p, struct err *e)
{
    int r = check_domain(p, e);
    if (r == 0)
        r = copy_strings(p, e);
    if (r == 0)
        r = virt_domain_secure_config(p->m->virt, p->d->uuid, &p->rv->config, e);
    if (r == 0)
        r = virt_snapshot_secure_xml(p->m->virt, p->d->uuid, p->s->name, &p->secure, e);
    if (r == 0)
        r = plan_captured(p, e);
    if (r == 0)
        r = plan_others(p, e);
    if (r == 0 && p->rv->n)
        r = guard_overlays(p->m, e);
    if (r == 0 && *p->rv->memory)
        r = check_memory(p, e);
    if (r == 0)
        r = fill_fingerprints(p, e);
    return r == 0 ? uuid_make(p->rv->scratch, e) : r;
}

static unsigned start_flags(unsigned flags)
{
    return (flags & VIRT_REVERT_RUNNING ? VIRT_START_RUNNING : 0) |
           (flags & VIRT_REVERT_PAUSED ? VIRT_START_PAUSED : 0) |
           (flags & VIRT_REVERT_RESET_NVRAM ? VIRT_START_RESET_NVRAM : 0);
}

int revert_plan(struct revert *rv, struct domain *d, const struct snapshot *s, unsigned flags,
                struct revert_findings *found, struct err *e)
{
    struct model *m = rv->p.m;
    struct planner p = {.m = m,
                        .d = d,
                        .s = s,
                        .survey = &found->survey,
                        .rv = rv,
                        .force = flags & VIRT_REVERT_FORCE};
    rv->left = reclaim_take(&found->left);
    rv->flags = start_flags(flags);
    rv->active = d->active;
    rv->leaf = !s->n_children;
    rv->start = (s->parsed->memory == XML_EXTERNAL && s->parsed->memory_file) ||
                (flags & (VIRT_REVERT_RUNNING | VIRT_REVERT_PAUSED));
    int r = plan_all(&p, e);
    for (size_t i = 0; i < rv->n; i++)
        rv->disks[i].forked &= !model_can(m, CAN_SEE_BRANCHES);
    free(p.secure);
    return r;
}
