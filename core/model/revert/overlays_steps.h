/* overlays_steps.h - inside core/model: what each step of a revert (revert/overlays.h) does.
 *
 * A step may be run again after it was cut off at any place: it looks for what it did before. The
 * order in which they run, and when one is not to, is revert/overlays.c's.
 */
#ifndef SNAPFS_MODEL_REVERT_OVERLAYS_STEPS_H
#define SNAPFS_MODEL_REVERT_OVERLAYS_STEPS_H

#include "model/revert/overlays_plan.h"
#include "virt/virt.h"

/* A revert at work. */
struct work {
    struct model *m;
    struct journal *j;
    const char *uuid;
    struct revert *rv;
    struct text *remark;
    bool late;          /* it goes on after it was cut off */
    struct domain *now; /* the domain as it was read before this step */
    uint64_t config;    /* its configuration then */
    bool on_overlays;   /* it ran on them */
    struct virt_status status;
};

/* Runs the step; work->now was read just now and is as the step wants it. */
int revert_run_step(struct work *w, enum revert_step step, struct err *e);

/* Removes the domain that makes overlays, where there is one. */
int revert_drop_maker(struct work *w, struct err *e);

/* Removes the overlays, which no domain ever had; while the domain is there, only after a look at
 * what all domains have. */
int revert_drop_overlays(struct work *w, struct err *e);

#endif
