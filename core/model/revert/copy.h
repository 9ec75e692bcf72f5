/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy.h - a revert to an internal snapshot whose files others stand on: on copies of those files.
 *
 * libvirt's own revert writes to the file that holds the snapshot's tag, and with it to what
 * external snapshots, clones and other domains read below their overlays. So the file is copied,
 * the snapshot is moved to the copy, which has the same tag, and then libvirt reverts, writing to
 * the copy alone. All others keep the file as it is; the tag in it is nobody's from then on. In the
 * end the overlays that the domain had are removed, where nothing else needs them.
 *
 * Each step is in the journal before it begins. One that was cut off before the snapshot was moved
 * is undone; after that the snapshot is as good as before, in its copy, and nothing has to be.
 */
#ifndef SNAPFS_MODEL_REVERT_COPY_H
#define SNAPFS_MODEL_REVERT_COPY_H

#include "model/journal/procedure.h"
#include "model/catalog/domain.h"

struct model;

/* Reverts; as revert_external (revert/overlays.h), but `flags` are passed on to libvirt. ENOSPC
 * with what it takes where a copy has no room; EOPNOTSUPP, EBUSY where a file cannot be copied or
 * is written to.
 */
int copy_revert(struct model *m, struct journal *j, struct domain *d, const struct snapshot *s,
                unsigned flags, struct text *remark, struct err *e);

extern const struct procedure_kind copy_kind;

#endif
