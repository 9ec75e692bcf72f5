/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outcome.h - the real result of a change that failed by libvirt's answer.
 *
 * libvirt's answer is not the last word. libvirt 9.0 reports some deletes as failed although it has
 * made them, and a connection can break before the answer comes. After each failed change snapfs
 * reads the domain again, and reports what it finds.
 *
 *     r = virt_snapshot_delete(...);
 *     if (r < 0)
 *         r = outcome_settle(m, &(struct outcome){.before = d, .is_done = is_gone, .ctx = s,
 *                                                 .done = "the snapshot is gone"}, remark, e);
 */
#ifndef SNAPFS_MODEL_CHANGE_OUTCOME_H
#define SNAPFS_MODEL_CHANGE_OUTCOME_H

#include "model/catalog/domain.h"

struct model;

struct outcome {
    const struct domain *before; /* the domain as it was before the call */
    /* Returns whether the change is made. NULL: the domain does not tell. */
    bool (*is_done)(const struct domain *now, const void *ctx);
    const void *ctx;
    const char *done;     /* the message for that case: "the snapshot is gone" */
    bool only_unanswered; /* an error that libvirt answered is believed */
};

/* Settles a call that failed with `e`. Returns 0 if the change is made: `remark` gets libvirt's
 * answer and `done`. Otherwise returns the failure, and adds what has changed in the domain
 * nevertheless: its state, current snapshot and disks. */
int outcome_settle(struct model *m, const struct outcome *o, struct text *remark, struct err *e);

/* Serves as the `is_done` of a redefine; `ctx` is the snapshot as it was. Returns whether libvirt
 * lists it with another document now. */
bool outcome_is_rewritten(const struct domain *now, const void *ctx);

#endif
