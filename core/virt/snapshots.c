/* SPDX-License-Identifier: GPL-3.0-or-later */
/* snapshots.c - snapshots: the list with its XML, and the changes. No locks of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/virterror.h>

#include "base/budget.h"
#include "base/mem.h"
#include "virt/errors.h"
#include "virt/internal.h"
#include "virt/virt.h"
#include "virt/xml.h"
#include "virt/xml_migrate.h"

/* ---- the list ---- */

void virt_snapshots_free(struct virt_snapshots *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        free(s->names[i]);
        free(s->xml[i]);
    }
    budget_give(s->counted);
    free(s->names);
    free(s->xml);
    free(s->current);
    free(s);
}

static struct virt_snapshots *snapshots_alloc(size_t n)
{
    autodestroy(virt_snapshots_free) struct virt_snapshots *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->names = calloc(n + 1, sizeof(*s->names));
    s->xml = calloc(n + 1, sizeof(*s->xml));
    return s->names && s->xml ? take(s) : NULL;
}

static int copy_name(struct virt *v, virDomainSnapshotPtr snap, char **ret, struct err *e)
{
    const char *name = virDomainSnapshotGetName(snap);
    if (!name)
        return virt_fail(v->readonly, e);
    *ret = strdup(name);
    return *ret ? 0 : err_nomem(e);
}

/* Copies a snapshot. If it vanished after the list was made, its XML stays NULL. */
static int copy_snapshot(struct virt *v, virDomainSnapshotPtr snap, struct virt_snapshots *s,
                         size_t i, struct err *e)
{
    int r = copy_name(v, snap, &s->names[i], e);
    if (r < 0)
        return r;
    s->xml[i] = virDomainSnapshotGetXMLDesc(snap, 0);
    if (!s->xml[i] && virt_code() != VIR_ERR_NO_DOMAIN_SNAPSHOT)
        return virt_fail(v->readonly, e);
    size_t len = s->xml[i] ? strlen(s->xml[i]) : 0;
    r = budget_take(len, e);
    if (r == 0)
        s->counted += len;
    return r;
}

static int copy_snapshots(struct virt *v, virDomainSnapshotPtr *snaps, size_t n,
                          struct virt_snapshots **ret, struct err *e)
{
    autodestroy(virt_snapshots_free) struct virt_snapshots *s = snapshots_alloc(n);
    if (!s)
        return err_nomem(e);
    while (s->n < n) {
        size_t i = s->n++;
        deadline_begin(v, virDomainSnapshotGetConnect(snaps[i]));
        int r = copy_snapshot(v, snaps[i], s, i, e);
        if (r < 0)
            return r;
    }
    *ret = take(s);
    return 0;
}

/* Lists all snapshots, topologically if the driver can. A driver without snapshots has none.
 * Returns the count, or -1. */
static int list_all(virDomainPtr dom, virDomainSnapshotPtr **ret)
{
    int n = virDomainListAllSnapshots(dom, ret, VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL);
    if (n < 0 && (virt_code() == VIR_ERR_INVALID_ARG || virt_code() == VIR_ERR_NO_SUPPORT))
        n = virDomainListAllSnapshots(dom, ret, 0);
    return n < 0 && virt_code() == VIR_ERR_NO_SUPPORT ? 0 : n;
}

static int read_list(struct virt *v, virDomainPtr dom, struct virt_snapshots **ret, struct err *e)
{
    virDomainSnapshotPtr *snaps = NULL;
    int n = list_all(dom, &snaps);
    if (n < 0)
        return virt_fail(v->readonly, e);
    int r = copy_snapshots(v, snaps, (size_t)n, ret, e);
    for (int i = 0; snaps && i < n; i++)
        virDomainSnapshotFree(snaps[i]);
    free(snaps);
    return r;
}

static int read_current(struct virt *v, virDomainPtr dom, char **ret, struct err *e)
{
    virDomainSnapshotPtr snap = virDomainSnapshotCurrent(dom, 0);
    if (!snap) {
        int code = virt_code();
        if (code == VIR_ERR_NO_DOMAIN_SNAPSHOT || code == VIR_ERR_NO_SUPPORT)
            return 0;
        return virt_fail(v->readonly, e);
    }
    int r = copy_name(v, snap, ret, e);
    virDomainSnapshotFree(snap);
    return r;
}

static int op_list(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    struct virt_snapshots **ret = arg;
    autodestroy(virt_snapshots_free) struct virt_snapshots *s = NULL;
    int r = read_list(v, dom, &s, e);
    if (r == 0)
        r = read_current(v, dom, &s->current, e);
    if (r == 0)
        *ret = take(s);
    return r;
}

int virt_snapshots(struct virt *v, const char *uuid, struct virt_snapshots **ret, struct err *e)
{
    return virt_run_on(v, VIRT_READ, uuid, op_list, ret, e);
}

/* ---- calls on one snapshot ---- */

struct snapshot_call {
    const char *name;
    unsigned flags;
    char *xml;
    int (*act)(struct virt *v, virDomainSnapshotPtr snap, struct snapshot_call *c, struct err *e);
};

static int op_snapshot(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    struct snapshot_call *c = arg;
    virDomainSnapshotPtr snap = virDomainSnapshotLookupByName(dom, c->name, 0);
    if (!snap)
        return virt_fail(v->readonly, e);
    int r = c->act(v, snap, c, e);
    virDomainSnapshotFree(snap);
    return r;
}

static int act_secure_xml(struct virt *v, virDomainSnapshotPtr snap, struct snapshot_call *c,
                          struct err *e)
{
    c->xml = virDomainSnapshotGetXMLDesc(snap, VIR_DOMAIN_SNAPSHOT_XML_SECURE);
    return c->xml ? 0 : virt_fail(v->readonly, e);
}

int virt_snapshot_secure_xml(struct virt *v, const char *uuid, const char *name, char **ret,
                             struct err *e)
{
    struct snapshot_call c = {.name = name, .act = act_secure_xml};
    int r = virt_run_on(v, VIRT_READ, uuid, op_snapshot, &c, e);
    if (r == 0)
        *ret = c.xml;
    return r;
}

/* Deletes a snapshot. snapfs's flags never cause INVALID_ARG, so this code means that libvirt's
 * delete cannot handle the chain's shape. */
static int act_delete(struct virt *v, virDomainSnapshotPtr snap, struct snapshot_call *c,
                      struct err *e)
{
    if (virDomainSnapshotDelete(snap, c->flags) == 0)
        return 0;
    bool shape = virt_code() == VIR_ERR_INVALID_ARG;
    int r = virt_fail(v->readonly, e);
    if (shape && e)
        e->no = EBUSY;
    return shape ? -EBUSY : r;
}

int virt_snapshot_delete(struct virt *v, const char *uuid, const char *name, bool metadata,
                         struct err *e)
{
    struct snapshot_call c = {.name = name, .act = act_delete};
    c.flags = metadata ? VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY : 0;
    return virt_run_on(v, VIRT_CHANGE, uuid, op_snapshot, &c, e);
}

static int act_revert(struct virt *v, virDomainSnapshotPtr snap, struct snapshot_call *c,
                      struct err *e)
{
    return virDomainRevertToSnapshot(snap, c->flags) == 0 ? 0 : virt_fail(v->readonly, e);
}

struct flag {
    unsigned ours, theirs;
};

static unsigned translate(const struct flag *table, size_t n, unsigned flags)
{
    unsigned out = 0;
    for (size_t i = 0; i < n; i++)
        if (flags & table[i].ours)
            out |= table[i].theirs;
    return out;
}

static const struct flag revert_flags[] = {
    {VIRT_REVERT_RUNNING, VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING},
    {VIRT_REVERT_PAUSED, VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED},
    {VIRT_REVERT_FORCE, VIR_DOMAIN_SNAPSHOT_REVERT_FORCE},
    {VIRT_REVERT_RESET_NVRAM, VIR_DOMAIN_SNAPSHOT_REVERT_RESET_NVRAM},
};

int virt_snapshot_revert(struct virt *v, const char *uuid, const char *name, unsigned flags,
                         struct err *e)
{
    struct snapshot_call c = {.name = name, .act = act_revert};
    c.flags = translate(revert_flags, sizeof(revert_flags) / sizeof(*revert_flags), flags);
    return virt_run_on(v, VIRT_CHANGE, uuid, op_snapshot, &c, e);
}

/* ---- create ---- */

static const struct flag create_flags[] = {
    {VIRT_CREATE_DISK_ONLY, VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY},
    {VIRT_CREATE_ATOMIC, VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC},
    {VIRT_CREATE_REDEFINE, VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE},
    {VIRT_CREATE_CURRENT, VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT},
    {VIRT_CREATE_LIVE, VIR_DOMAIN_SNAPSHOT_CREATE_LIVE},
    {VIRT_CREATE_HALT, VIR_DOMAIN_SNAPSHOT_CREATE_HALT},
    {VIRT_CREATE_REUSE_EXTERNAL, VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT},
    {VIRT_CREATE_NO_METADATA, VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA},
};

struct create_call {
    const char *xml;
    unsigned flags;
    bool unsupported;
};

/* Tells whether the name is taken. libvirt has no error code for that, so the name is looked up. */
static bool name_taken(virDomainPtr dom, const char *xml)
{
    autodestroy(xml_snapshot_free) struct xml_snapshot *parsed = NULL;
    if (xml_snapshot_parse(xml, &parsed, NULL))
        return false;
    virDomainSnapshotPtr snap = virDomainSnapshotLookupByName(dom, parsed->name, 0);
    if (snap)
        virDomainSnapshotFree(snap);
    return snap != NULL;
}

/* Tells whether a disk is full. libvirt reports that only in its words, for a memory file and for
 * an error of qemu-img. */
static bool is_full(void)
{
    const virError *last = virGetLastError();
    return last && last->message && strstr(last->message, strerrordesc_np(ENOSPC)) &&
           (last->code == VIR_ERR_OPERATION_FAILED || last->code == VIR_ERR_INTERNAL_ERROR);
}

/* Tells whether this kind of snapshot can never be made of this domain. */
static bool is_unsupported(virDomainPtr dom, int code, const char *said)
{
    if (code != VIR_ERR_OPERATION_INVALID)
        return code == VIR_ERR_CONFIG_UNSUPPORTED || code == VIR_ERR_OPERATION_UNSUPPORTED ||
               code == VIR_ERR_ARGUMENT_UNSUPPORTED;
    autofree char *xml = virDomainGetXMLDesc(dom, 0);
    return xml && virDomainIsActive(dom) == 1 && xml_migrate_refused(xml, said);
}

static int fail_create(struct virt *v, virDomainPtr dom, struct create_call *c, struct err *e)
{
    int code = virt_code();
    bool full = is_full();
    struct err said;
    int no = -virt_fail(v->readonly, &said);
    c->unsupported = !full && is_unsupported(dom, code, said.text);
    if (full)
        no = ENOSPC;
    else if (c->unsupported)
        no = EOPNOTSUPP;
    else if (code == VIR_ERR_OPERATION_FAILED && name_taken(dom, c->xml))
        no = EEXIST;
    return err_fail(e, no, "%s", said.text);
}

static int op_create(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    struct create_call *c = arg;
    virDomainSnapshotPtr snap = virDomainSnapshotCreateXML(dom, c->xml, c->flags);
    if (!snap)
        return fail_create(v, dom, c, e);
    virDomainSnapshotFree(snap);
    return 0;
}

int virt_snapshot_create(struct virt *v, const char *uuid, const char *xml, unsigned flags,
                         bool *unsupported, struct err *e)
{
    struct create_call c = {.xml = xml};
    c.flags = translate(create_flags, sizeof(create_flags) / sizeof(*create_flags), flags);
    int r = virt_run_on(v, VIRT_CHANGE, uuid, op_create, &c, e);
    if (unsupported)
        *unsupported = r && c.unsupported;
    return r;
}
