/* SPDX-License-Identifier: GPL-3.0-or-later */
/* native.h - reverts by libvirt's own call, to an internal snapshot whose files nothing else uses.
 *
 * The journal records the revert, so that a crash leaves no disk half reverted, and no unused
 * overlay that the domain was on:
 *
 *     native 1                     the version of all this
 *     uri URI, snapshot NAME
 *     current NAME                 the current snapshot before
 *     state FLAGS SNAPSHOTS
 *     left PATH …                  one a file that the domain was on
 */
#ifndef SNAPFS_MODEL_REVERT_NATIVE_H
#define SNAPFS_MODEL_REVERT_NATIVE_H

#include "model/change/operation.h"
#include "model/journal/procedure.h"
#include "model/revert/check.h"

/* Reverts, after guard_revert chose this way. Takes over found->left. `flags` are
 * virt_revert_flag. */
int native_revert(struct operation *t, const struct snapshot *s, unsigned flags,
                  struct revert_findings *found, struct text *remark, struct err *e);

extern const struct procedure_kind native_kind;

#endif
