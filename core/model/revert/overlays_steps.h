/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlays_steps.h - inside core/model: the steps of a revert (revert/overlays.h).
 *
 * A step may be cut off at any place, and then be run again. So a step looks for what it has
 * already done.
 */
#ifndef SNAPFS_MODEL_REVERT_OVERLAYS_STEPS_H
#define SNAPFS_MODEL_REVERT_OVERLAYS_STEPS_H

#include "model/revert/overlays_plan.h"

/* revert/overlays.c has the order of the steps, and the conditions under which each runs. */
int revert_run_make(struct procedure *p, struct err *e);
int revert_run_define(struct procedure *p, struct err *e);
int revert_run_stop(struct procedure *p, struct err *e);
int revert_run_start(struct procedure *p, struct err *e);
int revert_run_mark(struct procedure *p, struct err *e);
int revert_run_fork(struct procedure *p, struct err *e);
int revert_run_remove(struct procedure *p, struct err *e);

/* If the scratch domain exists, removes it. libvirt makes the overlays for the scratch domain. */
int revert_drop_scratch(struct revert *rv, struct err *e);

/* Removes the overlays, which no domain ever had. If the domain still exists, looks first at the
 * files of all domains. */
int revert_drop_overlays(struct revert *rv, struct err *e);

#endif
