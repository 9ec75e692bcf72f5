/* SPDX-License-Identifier: GPL-3.0-or-later */
/* steps.h - inside core/model: what each step of a delete (delete/delete.h) does.
 *
 * A step may be run again after it was cut off at any place: it looks for what it did before.
 */
#ifndef SNAPFS_MODEL_DELETE_STEPS_H
#define SNAPFS_MODEL_DELETE_STEPS_H

#include "model/delete/plan.h"

/* In the order, and where the conditions hold, that delete/delete.c has. */
int delete_run_start(struct procedure *p, struct err *e);
int delete_run_stop(struct procedure *p, struct err *e);
int delete_run_move(struct procedure *p, struct err *e);
int delete_run_hide(struct procedure *p, struct err *e);
int delete_run_forget(struct procedure *p, struct err *e);
int delete_run_remove(struct procedure *p, struct err *e);

/* delete/commit.c: merges each disk that is not known to be merged, and notes it; asks before each
 * whose bytes it would change. A disk that cannot be merged is told in the remark. Fails if
 * libvirt's answer did not come; and, with `refused` set and `merging` not, if the first merge is
 * not allowed any more (EBUSY). */
int delete_run_merge(struct procedure *p, struct err *e);

/* Has libvirt forget `s`, a snapshot of `d`, or, with `native`, delete it. 0 also where libvirt
 * says that it failed and the snapshot is gone. */
int delete_call(struct model *m, const struct domain *d, const struct snapshot *s, bool native,
                struct text *remark, struct err *e);

/* The snapshot as it is now; NULL when it has gone, or another one has its name. */
const struct snapshot *delete_target(const struct delete *del);

#endif
