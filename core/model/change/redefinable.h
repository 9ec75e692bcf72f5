/* SPDX-License-Identifier: GPL-3.0-or-later */
/* redefinable.h - whether libvirt can redefine snapshots of a domain.
 *
 * libvirt 9.0 cannot if the domain is shut off and has checkpoints: it answers EOPNOTSUPP to every
 * redefine, and to every new snapshot. A procedure that redefines a snapshot after it has changed
 * something would then be stuck. So its plan calls redefinable_check before anything is touched. It
 * asks for the state that the domain will have when the redefine is made:
 *
 *     delete, metadata   redefinable_check(m, d->uuid, d->active, "start the domain first", e)
 *     revert             redefinable_check(m, d->uuid, false, NULL, e)
 *
 * A revert to an external snapshot marks it as current while the domain is shut off.
 */
#ifndef SNAPFS_MODEL_CHANGE_REDEFINABLE_H
#define SNAPFS_MODEL_CHANGE_REDEFINABLE_H

#include <stdbool.h>

#include "base/error.h"

struct model;

/* Checks that libvirt can redefine. `active`: the domain will run when the redefine is made. Fails
 * with EOPNOTSUPP and a remedy: `instead` (may be NULL), or to delete the checkpoints. Asks libvirt
 * for one number at most. */
int redefinable_check(const struct model *m, const char *uuid, bool active, const char *instead,
                      struct err *e);

#endif
