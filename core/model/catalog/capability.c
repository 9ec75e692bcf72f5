/* SPDX-License-Identifier: GPL-3.0-or-later */
/* capability.c - see catalog/capability.h.
 *
 * snapfs was measured with libvirt 9.0 and 11.3. A version between them gets the row of the more
 * cautious of the two, except if libvirt's own news name the version.
 */
#include "model/catalog/capability.h"

#include <limits.h>

#include "model/state.h"

struct row {
    unsigned long from, before; /* versions */
};

static const struct row rows[ABILITIES] = {
    /* 9.0 removes a file that another branch uses. 11.3 rebases that branch, or refuses. */
    [CAN_SEE_BRANCHES] = {11003000, ULONG_MAX},
    /* From 10.9 on, a job's id in QEMU has the name in it (libvirt's news; measured in 11.3). */
    [CAN_NAME_FREELY] = {0, 10009000},
    /* 9.0 answers that it cannot perform block operations while a checkpoint exists. */
    [CAN_REDEFINE_BESIDE_CHECKPOINTS] = {11003000, ULONG_MAX},
    /* 9.0 treats the snapshot's overlay as merged, in the XML of all snapshots after it. */
    [CAN_FORGET_ALONE] = {11003000, ULONG_MAX},
};

bool able(unsigned long version, enum ability a)
{
    return version >= rows[a].from && version < rows[a].before;
}

bool model_can(const struct model *m, enum ability a)
{
    return able(virt_version(m->virt), a);
}
