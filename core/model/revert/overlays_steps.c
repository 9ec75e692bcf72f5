/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlays_steps.c - see revert/overlays_steps.h. No locks of its own: called under the domain's
 * operation.
 *
 *     step     before it                      after it
 *     make     nothing was made               there are overlays, which no domain has
 *     define   as before, on the old disks    as the snapshot has it at its next start
 *     stop     the domain may run             it does not
 *     start    the domain is shut off         it is as the snapshot or the user wants it
 *     mark     some snapshot is current       this one is, and names no file that is needed
 *     fork     its parents name the bases     none names a base that others use
 *     remove   the old overlays are there     those that nothing needs are gone
 */
#include "model/revert/overlays_steps.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/sync.h"
#include "model/catalog/domain_list.h"
#include "model/graph/survey.h"
#include "model/revert/chains.h"
#include "model/state.h"
#include "virt/change.h"

static struct revert *of(struct procedure *p)
{
    return (struct revert *)p;
}

/* ---- make ---- */

static char *scratch_name(const struct revert *rv)
{
    struct text t = {0};
    text_add(&t, REVERT_SCRATCH_PREFIX "%s", rv->p.uuid);
    return text_take(&t, NULL);
}

/* Removes the scratch domain. The holder of the journal knows that no other process needs it. */
int revert_drop_scratch(struct revert *rv, struct err *e)
{
    autofree char *name = scratch_name(rv);
    char uuid[VIRT_UUID_LEN + 1];
    if (!name)
        return err_nomem(e);
    int r = virt_domain_named(rv->p.m->virt, name, uuid, e);
    if (r == 0)
        r = virt_domain_undefine(rv->p.m->virt, uuid, e);
    return r == -ENOENT ? 0 : r;
}

static int define_scratch(struct revert *rv, struct err *e)
{
    size_t n;
    autofree char *secure = NULL, *xml = NULL, *name = scratch_name(rv);
    autofree struct xml_moved *all = revert_moved(rv, false, &n);
    if (!name || !all)
        return err_nomem(e);
    int r = virt_snapshot_secure_xml(rv->p.m->virt, rv->p.uuid, rv->p.snapshot, &secure, e);
    if (r == 0)
        r = xml_revert_scratch(secure, name, rv->scratch, all, n, &xml, e);
    return r == 0 ? virt_domain_define(rv->p.m->virt, xml, e) : r;
}

static int make_overlays(struct revert *rv, struct err *e)
{
    size_t n;
    autofree struct xml_moved *all = revert_moved(rv, false, &n);
    autofree char *xml = NULL;
    int r = all ? xml_revert_overlays(all, n, &xml, e) : err_nomem(e);
    if (r < 0)
        return r;
    return virt_snapshot_create(
        rv->p.m->virt, rv->scratch, xml,
        VIRT_CREATE_DISK_ONLY | VIRT_CREATE_ATOMIC | VIRT_CREATE_NO_METADATA, NULL, e);
}

static int refuse_there(const struct revert *rv, struct err *e)
{
    struct stat st;
    for (size_t i = 0; i < rv->n; i++)
        if (lstat(rv->disks[i].overlay, &st) == 0)
            return err_fail(e, EEXIST, "'%s' is there already", rv->disks[i].overlay);
    return 0;
}

int revert_run_make(struct procedure *p, struct err *e)
{
    struct revert *rv = of(p);
    if (!rv->n)
        return 0;
    int r = refuse_there(rv, e);
    if (r == 0)
        r = revert_drop_scratch(rv, e);
    if (r == 0)
        r = define_scratch(rv, e);
    if (r == 0)
        r = make_overlays(rv, e);
    if (r == 0)
        r = revert_drop_scratch(rv, e);
    for (size_t i = 0; r == 0 && i < rv->n; i++) {
        r = revert_check_made(&rv->disks[i], e);
        if (r == 0)
            r = sync_file(rv->disks[i].overlay, e);
    }
    return r == 0 ? procedure_note(&rv->p, "made", NULL, e) : r;
}

/* ---- define, stop ---- */

/* Finds the chains as the files are now, because the plan may be old. */
static int find_chains(const struct revert *rv, struct revert_chains *ret, struct err *e)
{
    return revert_chains_find(rv->p.now, domain_find_name(rv->p.now, rv->p.snapshot), rv, ret, e);
}

int revert_run_define(struct procedure *p, struct err *e)
{
    struct revert *rv = of(p);
    size_t n;
    autofree char *secure = NULL, *xml = NULL;
    autochains struct revert_chains chains = {0};
    autofree struct xml_moved *all = revert_moved(rv, false, &n);
    if (!all)
        return err_nomem(e);
    if (n && rv->config_now == rv->config_after)
        return 0;
    int r = virt_snapshot_secure_xml(rv->p.m->virt, rv->p.uuid, rv->p.snapshot, &secure, e);
    if (r == 0)
        r = find_chains(rv, &chains, e);
    if (r == 0)
        r = xml_revert_domain(secure, rv->p.now->name, all, n, chains.items, chains.n, &xml, e);
    return r == 0 ? virt_domain_define(rv->p.m->virt, xml, e) : r;
}

int revert_run_stop(struct procedure *p, struct err *e)
{
    struct revert *rv = of(p);
    return rv->p.now->active && !rv->on_overlays ? virt_domain_destroy(rv->p.m->virt, rv->p.uuid, e)
                                                 : 0;
}

/* ---- mark, fork ---- */

static int redefine(struct revert *rv, const char *name, const char *suffix,
                    const struct xml_moved *moved, size_t n, unsigned flags, struct err *e)
{
    autofree char *secure = NULL, *xml = NULL;
    int r = virt_snapshot_secure_xml(rv->p.m->virt, rv->p.uuid, name, &secure, e);
    if (r == 0)
        r = xml_revert_snapshot(secure, suffix, moved, n, &xml, e);
    if (r == 0)
        r = virt_snapshot_create(rv->p.m->virt, rv->p.uuid, xml, VIRT_CREATE_REDEFINE | flags, NULL,
                                 e);
    return r;
}

/* Makes the snapshot current. With children the snapshot names no file at all. Its old overlay is
 * theirs, and a later revert by libvirt would remove it. A later delete would merge the new one. */
int revert_run_mark(struct procedure *p, struct err *e)
{
    struct revert *rv = of(p);
    size_t n;
    autofree struct xml_moved *moved = revert_moved(rv, true, &n);
    if (!moved)
        return err_nomem(e);
    return redefine(rv, rv->p.snapshot, rv->leaf ? "" : XML_REVERT_NONE, moved, n,
                    VIRT_CREATE_CURRENT, e);
}

static bool names_base(const struct xml_snapshot *x, const struct revert_disk *disk)
{
    for (size_t i = 0; i < x->n_disks; i++)
        if (!strcmp(x->disks[i].target, disk->target) && x->disks[i].overlay.path &&
            !strcmp(x->disks[i].overlay.path, disk->base))
            return true;
    return false;
}

static int fork_parent(struct revert *rv, const struct snapshot *parent, struct err *e)
{
    size_t n = 0;
    autofree struct xml_moved *moved = calloc(rv->n + 1, sizeof(*moved));
    if (!moved)
        return err_nomem(e);
    for (size_t i = 0; i < rv->n; i++) {
        const struct revert_disk *disk = &rv->disks[i];
        if (disk->captured && disk->forked && names_base(parent->parsed, disk))
            moved[n++] = (struct xml_moved){.target = disk->target, .file = disk->overlay};
    }
    return n ? redefine(rv, parent->name, XML_REVERT_NONE, moved, n, 0, e) : 0;
}

/* Makes the parents name other files. libvirt 9.0's own delete of a parent would merge that base,
 * which two branches use now, and remove it. If the parent names another file, libvirt refuses. */
int revert_run_fork(struct procedure *p, struct err *e)
{
    struct revert *rv = of(p);
    const struct snapshot *s = domain_find_name(rv->p.now, rv->p.snapshot);
    int r = 0;
    for (s = s ? s->parent : NULL; r == 0 && s; s = s->parent)
        r = fork_parent(rv, s, e);
    return r;
}

/* ---- start ---- */

/* Returns whether all overlays are still as they were made. Saved memory fits only such disks. */
static bool are_untouched(const struct revert *rv)
{
    for (size_t i = 0; i < rv->n; i++)
        if (!revert_untouched(&rv->disks[i]))
            return false;
    return true;
}

static int restore(struct revert *rv, struct err *e)
{
    size_t n;
    autofree char *saved = NULL, *xml = NULL;
    autochains struct revert_chains chains = {0};
    autofree struct xml_moved *all = revert_moved(rv, false, &n);
    if (!all)
        return err_nomem(e);
    int r = virt_saved_xml(rv->p.m->virt, rv->memory, &saved, e);
    if (r == 0)
        r = find_chains(rv, &chains, e);
    if (r == 0)
        r = xml_revert_saved(saved, all, n, chains.items, chains.n, &xml, e);
    return r == 0 ? virt_domain_restore(rv->p.m->virt, rv->memory, xml, rv->flags, e) : r;
}

int revert_run_start(struct procedure *p, struct err *e)
{
    struct revert *rv = of(p);
    if (!rv->start || rv->p.now->active)
        return 0;
    if (!are_untouched(rv)) {
        text_add(rv->p.remark, "; not started, because another program started it meanwhile");
        return 0;
    }
    return *rv->memory ? restore(rv, e)
                       : virt_domain_start(rv->p.m->virt, rv->p.uuid, rv->flags, e);
}

/* ---- the step `remove`, and the undo of `make` ---- */

int revert_run_remove(struct procedure *p, struct err *e)
{
    struct revert *rv = of(p);
    return reclaim_remove(rv->p.m, rv->p.now, &rv->left, NULL, rv->p.remark, e);
}

/* Removes the overlays. Only snapfs uses their names, so a file of that name is the overlay, even
 * if libvirt was cut off before snapfs could look at it. */
int revert_drop_overlays(struct revert *rv, struct err *e)
{
    size_t n = rv->n;
    autofree struct reclaim_own *files = calloc(n + 1, sizeof(*files));
    if (!files)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++)
        files[i] = (struct reclaim_own){rv->disks[i].overlay, rv->disks[i].base};
    return reclaim_drop_own(rv->p.m, rv->p.now, files, n, rv->p.remark, e);
}
