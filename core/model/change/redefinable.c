/* SPDX-License-Identifier: GPL-3.0-or-later */
/* redefinable.c - see redefinable.h. No locks. */
#include "model/change/redefinable.h"

#include <errno.h>

#include "model/catalog/capability.h"
#include "model/state.h"
#include "virt/checkpoints.h"

int redefinable_check(const struct model *m, const char *uuid, bool active, const char *instead,
                      struct err *e)
{
    size_t n = 0;
    if (active || model_can(m, CAN_REDEFINE_BESIDE_CHECKPOINTS))
        return 0;
    int r = virt_checkpoints(m->virt, uuid, &n, e);
    if (r < 0 || !n)
        return r;
    return err_fail(
        e, EOPNOTSUPP,
        "the domain has %zu checkpoint%s, and this libvirt redefines no snapshot of such "
        "a domain while it is shut off; %s%sdelete them with 'virsh checkpoint-delete'",
        n, n == 1 ? "" : "s", instead ? instead : "", instead ? ", or " : "");
}
