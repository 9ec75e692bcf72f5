/* SPDX-License-Identifier: GPL-3.0-or-later */
/* domains.c - domains: the list, one domain's state, one domain's XML. No locks of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/virterror.h>

#include "base/mem.h"
#include "virt/change.h"
#include "virt/errors.h"
#include "virt/internal.h"
#include "virt/virt.h"
#include "virt/xml.h"

/* ---- the list ---- */

struct listing {
    struct virt_domain *domains;
    size_t n;
};

static int copy_domain(struct virt *v, virDomainPtr dom, struct virt_domain *ret, struct err *e)
{
    const char *name = virDomainGetName(dom);
    if (!name || virDomainGetUUIDString(dom, ret->uuid) < 0)
        return virt_fail(v->readonly, e);
    ret->name = strdup(name);
    return ret->name ? 0 : err_nomem(e);
}

static int copy_domains(struct virt *v, virDomainPtr *doms, size_t n, struct listing *l,
                        struct err *e)
{
    l->domains = calloc(n + 1, sizeof(*l->domains));
    if (!l->domains)
        return err_nomem(e);
    int r = 0;
    for (l->n = 0; r == 0 && l->n < n; l->n++)
        r = copy_domain(v, doms[l->n], &l->domains[l->n], e);
    return r;
}

static int op_list(struct virt *v, virConnectPtr conn, void *arg, struct err *e)
{
    struct listing *ret = arg, l = {0};
    virDomainPtr *doms = NULL;
    int n = virConnectListAllDomains(conn, &doms, 0);
    if (n < 0)
        return virt_fail(v->readonly, e);
    int r = copy_domains(v, doms, (size_t)n, &l, e);
    for (int i = 0; i < n; i++)
        virDomainFree(doms[i]);
    free(doms);
    if (r < 0)
        virt_domains_free(l.domains, l.n);
    else
        *ret = l;
    return r;
}

int virt_domains(struct virt *v, struct virt_domain **ret, size_t *ret_n, struct err *e)
{
    struct listing l;
    int r = virt_run(v, VIRT_READ, op_list, &l, e);
    if (r < 0)
        return r;
    *ret = l.domains;
    *ret_n = l.n;
    return 0;
}

void virt_domains_free(struct virt_domain *d, size_t n)
{
    for (size_t i = 0; d && i < n; i++)
        free(d[i].name);
    free(d);
}

/* ---- one by name ---- */

struct name_call {
    const char *name;
    char uuid[VIRT_UUID_LEN + 1];
};

static int op_named(struct virt *v, virConnectPtr conn, void *arg, struct err *e)
{
    struct name_call *c = arg;
    virDomainPtr dom = virDomainLookupByName(conn, c->name);
    if (!dom)
        return virt_fail(v->readonly, e);
    int r = virDomainGetUUIDString(dom, c->uuid) < 0 ? virt_fail(v->readonly, e) : 0;
    virDomainFree(dom);
    return r;
}

int virt_domain_named(struct virt *v, const char *name, char ret_uuid[VIRT_UUID_LEN + 1],
                      struct err *e)
{
    struct name_call c = {.name = name};
    int r = virt_run(v, VIRT_READ, op_named, &c, e);
    if (r == 0)
        memcpy(ret_uuid, c.uuid, sizeof(c.uuid));
    return r;
}

/* ---- the state ---- */

/* Returns virsh domstate's words (tools/virsh-domain-monitor.c, virshDomainStateToString). */
static const char *state_word(int state)
{
    switch (state) {
    case VIR_DOMAIN_RUNNING:
        return "running";
    case VIR_DOMAIN_BLOCKED:
        return "idle";
    case VIR_DOMAIN_PAUSED:
        return "paused";
    case VIR_DOMAIN_SHUTDOWN:
        return "in shutdown";
    case VIR_DOMAIN_SHUTOFF:
        return "shut off";
    case VIR_DOMAIN_CRASHED:
        return "crashed";
    case VIR_DOMAIN_PMSUSPENDED:
        return "pmsuspended";
    default:
        return "no state";
    }
}

/* Reads the result of a yes-or-no call. A driver without that call answers no. */
static int yes_or_no(struct virt *v, int result, bool *ret, struct err *e)
{
    if (result < 0 && virt_code() != VIR_ERR_NO_SUPPORT)
        return virt_fail(v->readonly, e);
    *ret = result > 0;
    return 0;
}

static int disk_jobs(struct virt *v, virDomainPtr dom, const struct xml_domain *xml,
                     struct virt_status *s, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && !s->commits && i < xml->n_disks; i++) {
        virDomainBlockJobInfo info;
        bool any = false;
        const char *type = xml->disks[i].source.type, *target = xml->disks[i].target;
        if (*type)
            r = yes_or_no(v, virDomainGetBlockJobInfo(dom, target, &info, 0), &any, e);
        s->block_job |= any;
        s->commits |= any && virt_commits(&info);
    }
    return r;
}

static int block_jobs(struct virt *v, virDomainPtr dom, struct virt_status *s, struct err *e)
{
    autofree char *text = virDomainGetXMLDesc(dom, 0);
    if (!text)
        return virt_fail(v->readonly, e);
    autodestroy(xml_domain_free) struct xml_domain *xml = NULL;
    int r = xml_domain_parse(text, &xml, e);
    return r < 0 ? r : disk_jobs(v, dom, xml, s, e);
}

struct status_call {
    bool want_jobs;
    struct virt_status status;
};

static int op_status(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    struct status_call *c = arg;
    struct virt_status s = {0};
    int state, reason;
    if (virDomainGetState(dom, &state, &reason, 0) < 0)
        return virt_fail(v->readonly, e);
    s.state = state_word(state);
    int r = yes_or_no(v, virDomainIsActive(dom), &s.active, e);
    if (r == 0)
        r = yes_or_no(v, virDomainIsPersistent(dom), &s.persistent, e);
    if (r == 0)
        r = yes_or_no(v, virDomainHasManagedSaveImage(dom, 0), &s.managed_save, e);
    if (r == 0 && c->want_jobs && s.active)
        r = block_jobs(v, dom, &s, e);
    if (r == 0)
        c->status = s;
    return r;
}

int virt_domain_status(struct virt *v, const char *uuid, bool want_jobs, struct virt_status *ret,
                       struct err *e)
{
    struct status_call c = {.want_jobs = want_jobs};
    int r = virt_run_on(v, VIRT_READ, uuid, op_status, &c, e);
    if (r == 0)
        *ret = c.status;
    return r;
}

/* ---- has it run? ---- */

enum {
    VCPUS_MAX = 512,      /* vCPUs looked at; firmware runs on the first */
    RAN_NS = 15 * 1000000 /* longer than the one tick that QEMU's thread may run before it waits */
};

static int op_ran(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    bool *ran = arg;
    autofree virVcpuInfoPtr all = calloc(VCPUS_MAX, sizeof(*all));
    if (!all)
        return err_nomem(e);
    int n = virDomainGetVcpus(dom, all, VCPUS_MAX, NULL, 0);
    if (n < 0 && virGetLastErrorCode() == VIR_ERR_OPERATION_INVALID)
        return err_fail(e, EAGAIN, "libvirt is still starting or stopping the domain");
    if (n < 0)
        return virt_fail(v->readonly, e);
    for (int i = 0; i < n; i++)
        *ran |= all[i].cpuTime > RAN_NS;
    return 0;
}

int virt_domain_has_run(struct virt *v, const char *uuid, bool *ret, struct err *e)
{
    bool ran = false;
    int r = virt_run_on(v, VIRT_READ, uuid, op_ran, &ran, e);
    if (r == 0)
        *ret = ran;
    return r;
}

/* ---- the XML ---- */

struct xml_call {
    unsigned flags;
    char *xml;
};

static int op_xml(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    struct xml_call *c = arg;
    c->xml = virDomainGetXMLDesc(dom, c->flags);
    return c->xml ? 0 : virt_fail(v->readonly, e);
}

static int ask_xml(struct virt *v, const char *uuid, unsigned flags, char **ret, struct err *e)
{
    struct xml_call c = {.flags = flags};
    int r = virt_run_on(v, VIRT_READ, uuid, op_xml, &c, e);
    if (r == 0)
        *ret = c.xml;
    return r;
}

int virt_domain_xml(struct virt *v, const char *uuid, bool config, char **ret, struct err *e)
{
    return ask_xml(v, uuid, config ? VIR_DOMAIN_XML_INACTIVE : 0, ret, e);
}

int virt_domain_secure_config(struct virt *v, const char *uuid, char **ret, struct err *e)
{
    return ask_xml(v, uuid, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE, ret, e);
}

int virt_domain_secure_xml(struct virt *v, const char *uuid, char **ret, struct err *e)
{
    return ask_xml(v, uuid, VIR_DOMAIN_XML_MIGRATABLE | VIR_DOMAIN_XML_SECURE, ret, e);
}

/* ---- all of that at once ---- */

void virt_look_drop(struct virt_look *l)
{
    free(l->name);
    free(l->xml);
    *l = (struct virt_look){0};
}

/* Reads the rest of a look. The lookup has told whether the domain is active. */
static int read_look(struct virt *v, virDomainPtr dom, struct virt_look *l, struct err *e)
{
    int state, reason, n;
    if (virDomainGetState(dom, &state, &reason, 0) < 0)
        return virt_fail(v->readonly, e);
    l->status.state = state_word(state);
    l->status.active = virDomainGetID(dom) != (unsigned)-1;
    int r = yes_or_no(v, virDomainIsPersistent(dom), &l->status.persistent, e);
    if (r < 0)
        return r;
    l->xml = virDomainGetXMLDesc(dom, 0);
    if (!l->xml)
        return virt_fail(v->readonly, e);
    n = virDomainSnapshotNum(dom, 0);
    if (n < 0 && virt_code() != VIR_ERR_NO_SUPPORT)
        return virt_fail(v->readonly, e);
    l->snapshots = n > 0 ? (size_t)n : 0;
    l->name = strdup(virDomainGetName(dom));
    return l->name ? 0 : err_nomem(e);
}

static int op_look(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    struct virt_look *l = arg;
    int r = read_look(v, dom, l, e);
    if (r < 0)
        virt_look_drop(l);
    return r;
}

int virt_domain_look(struct virt *v, const char *uuid, struct virt_look *ret, struct err *e)
{
    struct virt_look l = {0};
    int r = virt_run_on(v, VIRT_READ, uuid, op_look, &l, e);
    if (r == 0)
        *ret = l;
    return r;
}
