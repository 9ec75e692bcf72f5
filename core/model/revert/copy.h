/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy.h - reverts to an internal snapshot on copies of its files, because others use those files.
 *
 * libvirt's own revert writes to the file that holds the snapshot's tag. External snapshots, clones
 * and other domains read that file below their overlays. So snapfs copies the file and moves the
 * snapshot to the copy, which has the same tag. Then libvirt reverts, and writes to the copy alone.
 * All others keep the file as it is; the tag in it is left over from then on. In the end snapfs
 * removes the overlays that the domain had, if they are unused.
 *
 * Each step is in the journal before it begins. If the revert was cut off before the snapshot was
 * moved, it is undone. After that the snapshot is as good as before, in its copy, and nothing has
 * to be done.
 */
#ifndef SNAPFS_MODEL_REVERT_COPY_H
#define SNAPFS_MODEL_REVERT_COPY_H

#include "model/change/operation.h"
#include "model/journal/procedure.h"
#include "model/revert/check.h"

/* Reverts, as revert_external does (revert/overlays.h), but passes `flags` on to libvirt. ENOSPC if
 * a copy has no room, with what it takes. EOPNOTSUPP or EBUSY if a file cannot be copied or is
 * written to. */
int copy_revert(struct operation *t, const struct snapshot *s, unsigned flags,
                struct revert_findings *found, struct text *remark, struct err *e);

extern const struct procedure_kind copy_kind;

#endif
