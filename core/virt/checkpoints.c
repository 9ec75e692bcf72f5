/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checkpoints.c - see checkpoints.h. No locks of its own. */
#include "virt/checkpoints.h"

#include <libvirt/virterror.h>

#include "virt/errors.h"
#include "virt/internal.h"

static int op_count(struct virt *v, virDomainPtr dom, void *arg, struct err *e)
{
    size_t *ret = arg;
    int n = virDomainListAllCheckpoints(dom, NULL, 0);
    if (n < 0 && virt_code() != VIR_ERR_NO_SUPPORT)
        return virt_fail(v->readonly, e);
    *ret = n > 0 ? (size_t)n : 0;
    return 0;
}

int virt_checkpoints(struct virt *v, const char *uuid, size_t *ret, struct err *e)
{
    size_t n = 0;
    int r = virt_run_on(v, VIRT_READ, uuid, op_count, &n, e);
    if (r == 0)
        *ret = n;
    return r;
}
