/* SPDX-License-Identifier: GPL-3.0-or-later */
/* detached.h - whether the disk of a snapshot was detached from the domain later. */
#ifndef SNAPFS_MODEL_DELETE_DETACHED_H
#define SNAPFS_MODEL_DELETE_DETACHED_H

#include "model/graph/survey.h"
#include "model/catalog/domain.h"

/* Returns whether no live disk of `d` is in one tree with that disk. `own` is the disk's user in
 * the graph. By now, another disk may have the same target. A user may attach the detached disk's
 * file elsewhere, with all data that the guest wrote after the snapshot. */
bool detached_is(const struct survey *v, const struct domain *d, const struct snapshot_disk *disk,
                 size_t own);

#endif
