/* SPDX-License-Identifier: GPL-3.0-or-later */
/* steps.h - inside core/model: the steps of a delete (delete/delete.h).
 *
 * A step may be cut off at any place, and then be run again. So a step looks for what it has
 * already done.
 */
#ifndef SNAPFS_MODEL_DELETE_STEPS_H
#define SNAPFS_MODEL_DELETE_STEPS_H

#include "model/delete/plan.h"

/* delete/delete.c has the order of the steps, and the conditions under which each runs. */
int delete_run_start(struct procedure *p, struct err *e);
int delete_run_stop(struct procedure *p, struct err *e);
int delete_run_move(struct procedure *p, struct err *e);
int delete_run_hide(struct procedure *p, struct err *e);
int delete_run_forget(struct procedure *p, struct err *e);
int delete_run_remove(struct procedure *p, struct err *e);

/* Merges each disk that is not known to be merged, and notes the merge (delete/commit.c). Checks
 * again before each merge whose bytes it would change. Tells in the remark which disk cannot be
 * merged. Fails if libvirt's answer did not come. Fails with EBUSY, with `refused` set and
 * `merging` not, if the first merge is not allowed any more. */
int delete_run_merge(struct procedure *p, struct err *e);

/* Has libvirt forget `s`, a snapshot of `d`, or, with `native`, delete it. Returns 0 also if
 * libvirt says that it failed but the snapshot is gone. */
int delete_call(struct model *m, const struct domain *d, const struct snapshot *s, bool native,
                struct text *remark, struct err *e);

/* Returns the present value of the snapshot. Returns NULL if the snapshot is gone, or if another
 * snapshot has its name. */
const struct snapshot *delete_target(const struct delete *del);

#endif
