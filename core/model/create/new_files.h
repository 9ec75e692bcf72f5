/* SPDX-License-Identifier: GPL-3.0-or-later */
/* new_files.h - the files that a new snapshot makes: overlays, and the memory's. Where nobody gave
 * their names these are chosen, next to the disk; all are looked at before, and after a failure.
 * One thread. */
#ifndef SNAPFS_MODEL_CREATE_NEW_FILES_H
#define SNAPFS_MODEL_CREATE_NEW_FILES_H

#include "model/create/plan.h"
#include "model/graph/survey.h"

struct target {
    char *path;
    bool there; /* it was there before: a block device, or a file to be used again */
};

struct targets {
    struct target *items;
    size_t n;
};

/* Settles the files of `w`, for which plan_make was asked, and sees that each is free to be made:
 * no file has its name, no domain's disk or snapshot names it, and nothing stands on what is there
 * already (a block device, or with reuse-external a file). EINVAL, EEXIST, EBUSY, EOPNOTSUPP (of a
 * disk that is no file nobody can guess the overlay's name). targets_drop in any case. */
int targets_settle(const struct survey *v, const struct domain *d, struct wish *w,
                   struct targets *ret, struct err *e);
void targets_drop(struct targets *t);

/* Right before the call: is still nothing there that was not? EEXIST. */
int targets_confirm(const struct targets *t, struct err *e);

#endif
