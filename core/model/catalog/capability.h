/* SPDX-License-Identifier: GPL-3.0-or-later */
/* capability.h - the abilities of each libvirt: the one place where its version counts. */
#ifndef SNAPFS_MODEL_CATALOG_CAPABILITY_H
#define SNAPFS_MODEL_CATALOG_CAPABILITY_H

#include <stdbool.h>

enum ability {
    /* libvirt's own delete of an external snapshot leaves other branches on the file alone. */
    CAN_SEE_BRANCHES,
    /* An internal snapshot of a running domain may have any name. */
    CAN_NAME_FREELY,
    /* libvirt redefines snapshots of a domain that is shut off and has checkpoints. */
    CAN_REDEFINE_BESIDE_CHECKPOINTS,
    /* libvirt's delete of metadata alone leaves the XML of other snapshots right. */
    CAN_FORGET_ALONE,
    ABILITIES
};

/* Returns whether a libvirt has the ability. `version` is that of the daemon's libvirt, 9000000 for
 * 9.0.0. */
bool able(unsigned long version, enum ability a);

/* Returns the same for the model's libvirt. */
struct model;
bool model_can(const struct model *m, enum ability a);

#endif
