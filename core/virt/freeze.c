/* SPDX-License-Identifier: GPL-3.0-or-later */
/* freeze.c - the guest's file systems, by its agent. No locks of its own.
 *
 * libvirt waits for an agent's answer for ever unless it is told otherwise, and it cannot be asked
 * what it was told: so it is told a time before, and its default again afterwards.
 */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "virt/errors.h"
#include "virt/internal.h"
#include "virt/virt.h"

/* Failing is no harm: a driver that has no agents. */
static void set_patience(virDomainPtr dom, int seconds)
{
    if (virDomainAgentSetResponseTimeout(dom, seconds, 0) < 0)
        virResetLastError();
}

/* An agent that was late may freeze yet. One that refused may have been told to freeze by someone
 * else, who is not to be disturbed. */
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
