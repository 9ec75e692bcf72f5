/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outcome.h - what has become of a change that libvirt says failed.
 *
 * libvirt's answer is not the last word. libvirt 9.0 reports some deletes as failed that it has
 * made, and a connection can break before the answer comes. After each failed change the domain is
 * read again, and snapfs reports what it finds.
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
    /* Is the change made? NULL: the domain does not tell. */
    bool (*is_done)(const struct domain *now, const void *ctx);
    const void *ctx;
    const char *done;     /* what is so then: "the snapshot is gone" */
    bool only_unanswered; /* an error that libvirt answered is believed */
};

/* Call it after the call failed with `e`. 0 if the change is made: `remark` gets libvirt's answer
 * and `done`. Else the failure, and what has changed of the domain all the same: its state, current
 * snapshot and disks. */
int outcome_settle(struct model *m, const struct outcome *o, struct text *remark, struct err *e);

/* An `is_done` of a redefine; `ctx` is the snapshot as it was: does libvirt list it with another
 * document now? */
bool outcome_is_rewritten(const struct domain *now, const void *ctx);

#endif
