/* SPDX-License-Identifier: GPL-3.0-or-later */
/* secret.c - the values of libvirt's secrets. No locks. */
#include <errno.h>

#include <libvirt/virterror.h>

#include "virt/errors.h"
#include "virt/internal.h"
#include "virt/virt.h"

struct secret_call {
    const char *uuid, *usage;
    struct secret value;
};

static virSecretPtr look_up(virConnectPtr conn, const struct secret_call *c)
{
    return c->uuid ? virSecretLookupByUUIDString(conn, c->uuid)
                   : virSecretLookupByUsage(conn, VIR_SECRET_USAGE_TYPE_VOLUME, c->usage);
}

static int op_secret(struct virt *v, virConnectPtr conn, void *arg, struct err *e)
{
    (void)v;
    struct secret_call *c = arg;
    virSecretPtr secret = look_up(conn, c);
    if (secret)
        c->value.bytes = virSecretGetValue(secret, &c->value.len, 0);
    int r = c->value.bytes ? 0 : virt_fail(false, e); /* a refused read, not a refused change */
    if (secret)
        virSecretFree(secret);
    return r;
}

int virt_secret(struct virt *v, const char *uuid, const char *usage, struct secret *ret,
                struct err *e)
{
    struct secret_call c = {.uuid = uuid, .usage = usage};
    int r = virt_run(v, VIRT_READ, op_secret, &c, e);
    if (r == 0)
        *ret = c.value;
    return r;
}
