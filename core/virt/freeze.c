/* SPDX-License-Identifier: GPL-3.0-or-later */
/* freeze.c - freezes the guest's file systems, by its agent. No locks of its own.
 *
 * By default libvirt waits for an agent's answer forever. A program can set another time, but
 * cannot ask libvirt for the present one. So snapfs sets a time before a call, and sets the default
 * again after it.
 */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "virt/errors.h"
#include "virt/internal.h"
#include "virt/virt.h"

/* Sets the time that libvirt waits for an agent. A failure does no harm: the driver has no agents.
 * */
static void set_patience(virDomainPtr dom, int seconds)
{
    if (virDomainAgentSetResponseTimeout(dom, seconds, 0) < 0)
        virResetLastError();
}

/* Thaws after a failed freeze if the agent was late, because it may still freeze. If the agent
 * refused, another program may have frozen the guest, and snapfs must not thaw that. */
static int fail_freeze(struct virt *v, virDomainPtr dom, struct err *e)
{
    bool late = virt_code() == VIR_ERR_AGENT_UNRESPONSIVE || virt_code() == AGENT_COMMAND_TIMEOUT;
    int r = virt_fail(v->readonly, e);
    if (late && virDomainFSThaw(dom, NULL, 0, 0) < 0)
        virResetLastError();
    set_patience(dom, VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK);
    return r;
}

static int op_freeze(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    const int *seconds = arg;
    set_patience(dom, *seconds);
    return virDomainFSFreeze(dom, NULL, 0, 0) < 0 ? fail_freeze(v, dom, e) : 0;
}

int virt_freeze(struct virt *v, const char *uuid, int seconds, struct err *e)
{
    return virt_run_on(v, VIRT_CHANGE, uuid, op_freeze, &seconds, e);
}

static int op_thaw(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    const int *seconds = arg;
    set_patience(dom, *seconds);
    int r = virDomainFSThaw(dom, NULL, 0, 0) < 0 ? virt_fail(v->readonly, e) : 0;
    set_patience(dom, VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK);
    return r;
}

int virt_thaw(struct virt *v, const char *uuid, int seconds, struct err *e)
{
    return virt_run_on(v, VIRT_CHANGE, uuid, op_thaw, &seconds, e);
}
