/* SPDX-License-Identifier: GPL-3.0-or-later */
/* delete.h - a snapshot is deleted, and nobody else's bytes with it.
 *
 * An internal one is deleted by libvirt's own call. Of an external one the overlay on its content
 * is merged into that where nothing else needs either (delete/mergeable.h), in a domain that runs,
 * or is started for that and stays paused; the snapshots that have their bytes in the overlay get
 * them from the content from then on. Then libvirt forgets the snapshot, and the files that nothing
 * needs are removed. What cannot be merged is left: the others stand on it.
 *
 * Each step is in the journal before it begins. One that was cut off before anything was merged is
 * undone, else finished: at every moment each other snapshot has its bytes.
 */
#ifndef SNAPFS_MODEL_DELETE_DELETE_H
#define SNAPFS_MODEL_DELETE_DELETE_H

#include "model/journal/procedure.h"
#include "model/catalog/domain.h"

struct model;

struct open_mark;

/* Deletes; with `metadata` libvirt only forgets the snapshot, and every file stays. With `force`
 * images that no domain has do not count (strangers.h). The snapshot's children become its
 * parent's. `d` was read just now, and nobody but us works on it (`j` is its journal, empty; NULL
 * with the test driver). EBUSY, EOPNOTSUPP with the reason before anything is touched. A connection
 * that is lost for good (EHOSTDOWN, ETIMEDOUT) leaves the rest to procedure_recover.
 *
 * With `claim` (delete/in_use.h) an open image of the snapshot is EBUSY, and none can be opened
 * until *claim is dropped. */
int delete_snapshot(struct model *m, struct journal *j, struct domain *d, const struct snapshot *s,
                    bool metadata, bool force, struct open_mark **claim, struct text *remark,
                    struct err *e);

/* Is there a reason not to delete all below `top`, and with `itself` also `top`? Each is asked of
 * as if the others were gone already, so that none is deleted where another cannot be. As
 * delete_snapshot. */
int delete_check_below(struct model *m, struct domain *d, const struct snapshot *top, bool itself,
                       bool metadata, bool force, struct err *e);

extern const struct procedure_kind delete_kind;

#endif
