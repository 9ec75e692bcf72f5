/* steps.h - inside core/model: what each step of a delete (delete/delete.h) does.
 *
 * A step may be run again after it was cut off at any place: it looks for what it did before. The
 * order in which they run, and when one is not to, is delete/delete.c's.
 */
#ifndef SNAPFS_MODEL_DELETE_STEPS_H
#define SNAPFS_MODEL_DELETE_STEPS_H

#include "model/delete/plan.h"

/* A delete at work. */
struct deletion {
    struct model *m;
    struct journal *j;
    const char *uuid;
    struct delete *del;
    struct text *remark;
    bool late;          /* it goes on after it was cut off, who knows when */
    bool merging;       /* something of the overlays may be in the contents by now */
    bool refused;       /* what was asked again right before a merge did not allow it */
    struct domain *now; /* the domain as it was read before this step */
};

/* Reads the domain anew. */
int delete_look(struct deletion *w, struct err *e);

/* Runs the step; deletion->now was read just now. */
int delete_run_step(struct deletion *w, enum delete_step step, struct err *e);

/* Has libvirt forget `s`, a snapshot of `d`, or, with `native`, delete it. 0 also where libvirt
 * says that it failed and the snapshot is gone. */
int delete_call(struct model *m, const struct domain *d, const struct snapshot *s, bool native,
                struct text *remark, struct err *e);

/* The snapshot as it is now; NULL when it has gone, or another one has its name. */
const struct snapshot *delete_target(const struct deletion *w);

#endif
