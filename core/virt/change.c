/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change.c - see change.h. No locks of its own. */
#include "virt/change.h"

#include "virt/errors.h"
#include "virt/internal.h"

/* ---- calls on a domain ---- */

struct state_call {
    unsigned flags;
    int (*act)(virDomainPtr dom, unsigned flags); /* returns libvirt's own result */
};

static int op_state(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    const struct state_call *c = arg;
    return c->act(dom, c->flags) < 0 ? virt_fail(v->readonly, e) : 0;
}

int virt_domain_undefine(struct virt *v, const char *uuid, struct err *e)
{
    struct state_call c = {.act = virDomainUndefineFlags};
    return virt_run_on(v, VIRT_CHANGE, uuid, op_state, &c, e);
}

int virt_domain_destroy(struct virt *v, const char *uuid, struct err *e)
{
    struct state_call c = {.act = virDomainDestroyFlags};
    return virt_run_on(v, VIRT_CHANGE, uuid, op_state, &c, e);
}

static int resume(virDomainPtr dom, unsigned flags)
{
    (void)flags;
    return virDomainResume(dom);
}

int virt_domain_resume(struct virt *v, const char *uuid, struct err *e)
{
    struct state_call c = {.act = resume};
    return virt_run_on(v, VIRT_CHANGE, uuid, op_state, &c, e);
}

int virt_domain_start(struct virt *v, const char *uuid, unsigned flags, struct err *e)
{
    struct state_call c = {.act = virDomainCreateWithFlags};
    c.flags = (flags & VIRT_START_PAUSED ? VIR_DOMAIN_START_PAUSED : 0) |
              (flags & VIRT_START_RESET_NVRAM ? VIR_DOMAIN_START_RESET_NVRAM : 0);
    return virt_run_on(v, VIRT_CHANGE, uuid, op_state, &c, e);
}

/* ---- documents ---- */

static int op_define(struct virt *v, virConnectPtr conn, void *arg, struct err *e)
{
    virDomainPtr dom = virDomainDefineXMLFlags(conn, arg, 0);
    if (!dom)
        return virt_fail(v->readonly, e);
    virDomainFree(dom);
    return 0;
}

int virt_domain_define(struct virt *v, const char *xml, struct err *e)
{
    return virt_run(v, VIRT_CHANGE, op_define, (char *)(uintptr_t)xml, e);
}

struct saved_call {
    const char *file, *xml;
    unsigned flags;
    char *found;
};

static int op_restore(struct virt *v, virConnectPtr conn, void *arg, struct err *e)
{
    const struct saved_call *c = arg;
    return virDomainRestoreFlags(conn, c->file, c->xml, c->flags) < 0 ? virt_fail(v->readonly, e)
                                                                      : 0;
}

int virt_domain_restore(struct virt *v, const char *file, const char *xml, unsigned flags,
                        struct err *e)
{
    struct saved_call c = {.file = file, .xml = xml};
    c.flags = (flags & VIRT_START_RUNNING ? VIR_DOMAIN_SAVE_RUNNING : 0) |
              (flags & VIRT_START_PAUSED ? VIR_DOMAIN_SAVE_PAUSED : 0) |
              (flags & VIRT_START_RESET_NVRAM ? VIR_DOMAIN_SAVE_RESET_NVRAM : 0);
    return virt_run(v, VIRT_CHANGE, op_restore, &c, e);
}

static int op_saved_xml(struct virt *v, virConnectPtr conn, void *arg, struct err *e)
{
    struct saved_call *c = arg;
    c->found = virDomainSaveImageGetXMLDesc(conn, c->file, VIR_DOMAIN_SAVE_IMAGE_XML_SECURE);
    return c->found ? 0 : virt_fail(v->readonly, e);
}

int virt_saved_xml(struct virt *v, const char *file, char **ret, struct err *e)
{
    struct saved_call c = {.file = file};
    int r = virt_run(v, VIRT_READ, op_saved_xml, &c, e);
    if (r == 0)
        *ret = c.found;
    return r;
}
