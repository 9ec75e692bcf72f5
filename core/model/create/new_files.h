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

struct new_files {
    struct target *items;
    size_t n;
};

/* Settles the files of `w`, for which plan_make was asked, and sees that each is free to be made:
 * no file has its name, no domain's disk or snapshot names it, and nothing stands on what is there
 * already (a block device, or with reuse-external a file). EINVAL, EEXIST, EBUSY, EOPNOTSUPP (of a
 * disk that is no file nobody can guess the overlay's name). new_files_drop in any case. */
int new_files_settle(const struct survey *v, const struct domain *d, struct wish *w,
                     struct new_files *ret, struct err *e);
void new_files_drop(struct new_files *t);

/* Right before the call: is still nothing there that was not? EEXIST. */
int new_files_confirm(const struct new_files *t, struct err *e);

#endif
