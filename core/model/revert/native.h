/* SPDX-License-Identifier: GPL-3.0-or-later */
/* native.h - a revert by libvirt's own call, to an internal snapshot whose files nothing else uses.
 *
 * The journal tells of it, so that a crash leaves no disk half reverted, and no overlay that the
 * domain was on and that nothing needs any more:
 *
 *     native 1                     the version of all this
 *     uri URI, snapshot NAME
 *     current NAME                 the current snapshot before
 *     state FLAGS SNAPSHOTS
 *     left PATH …                  one a file that the domain was on
 */
#ifndef SNAPFS_MODEL_REVERT_NATIVE_H
#define SNAPFS_MODEL_REVERT_NATIVE_H

#include "model/change/reclaim.h"
#include "model/change/operation.h"
#include "model/journal/procedure.h"

/* Reverts, after guard_revert gave it the way and the `files` that are left then. `flags` are
 * virt_revert_flag. */
int native_revert(struct operation *t, const struct snapshot *s, unsigned flags,
                  struct reclaim *files, struct text *remark, struct err *e);

extern const struct procedure_kind native_kind;

#endif
