/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlays_steps.h - inside core/model: the steps of a revert (revert/overlays.h).
 *
 * A step may be run again after it was cut off at any place: it looks for what it did before.
 */
#ifndef SNAPFS_MODEL_REVERT_OVERLAYS_STEPS_H
#define SNAPFS_MODEL_REVERT_OVERLAYS_STEPS_H

#include "model/revert/overlays_plan.h"

/* They run in the order, and under the conditions, that revert/overlays.c has. */
int revert_run_make(struct procedure *p, struct err *e);
int revert_run_define(struct procedure *p, struct err *e);
int revert_run_stop(struct procedure *p, struct err *e);
int revert_run_start(struct procedure *p, struct err *e);
int revert_run_mark(struct procedure *p, struct err *e);
int revert_run_fork(struct procedure *p, struct err *e);
int revert_run_remove(struct procedure *p, struct err *e);

/* Removes the scratch domain, which makes the overlays, if it is there. */
int revert_drop_scratch(struct revert *rv, struct err *e);

/* Removes the overlays, which no domain ever had. While the domain is there, looks first at the
 * files of all domains. */
int revert_drop_overlays(struct revert *rv, struct err *e);

#endif
