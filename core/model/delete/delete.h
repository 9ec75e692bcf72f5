/* SPDX-License-Identifier: GPL-3.0-or-later */
/* delete.h - deletes a snapshot; all other snapshots and disks keep their bytes.
 *
 * libvirt's own call deletes an internal snapshot. For an external one, snapfs merges the overlay
 * on the snapshot's file into that file, the base, if no other user needs either
 * (delete/mergeable.h). The domain runs for that, or snapfs starts it and keeps it paused. The
 * snapshots that have their bytes in the overlay get them from the base from then on. Then libvirt
 * forgets the snapshot, and snapfs removes the unused files. An overlay that cannot be merged is
 * left, because others use it.
 *
 * Each step is in the journal before it begins. If a delete was cut off before anything was merged,
 * it is undone; otherwise it is finished. At every moment each other snapshot has its bytes.
 */
#ifndef SNAPFS_MODEL_DELETE_DELETE_H
#define SNAPFS_MODEL_DELETE_DELETE_H

#include "model/delete/plan.h"

/* Deletes the snapshot. The snapshot's children become its parent's.
 *
 * `d` was read just now, and only this operation works on it. `j` is its journal, empty; NULL with
 * the test driver. Fails with EBUSY or EOPNOTSUPP, and the reason, before anything is touched. If
 * the connection is lost for good (EHOSTDOWN, ETIMEDOUT), the rest is left to procedure_recover.
 *
 * With how->claim (delete/in_use.h) an open image of the snapshot is EBUSY. Then none can be opened
 * until it is dropped.
 */
int delete_snapshot(struct model *m, struct journal *j, struct domain *d, const struct snapshot *s,
                    const struct delete_how *how, struct text *remark, struct err *e);

/* Checks that all snapshots below `top` can be deleted, and with `itself` also `top`. Each is
 * checked as if the others were gone already. So if one cannot be deleted, none is deleted. Fails
 * as delete_snapshot does. */
int delete_check_below(struct model *m, struct domain *d, const struct snapshot *top, bool itself,
                       const struct delete_how *how, struct err *e);

extern const struct procedure_kind delete_kind;

#endif
