/* SPDX-License-Identifier: GPL-3.0-or-later */
/* new_files.h - the files that a new snapshot makes: overlays, and the memory's file. If the user
 * gave no names, snapfs chooses names next to the disk. It looks at all files before the call, and
 * after a failure. One thread. */
#ifndef SNAPFS_MODEL_CREATE_NEW_FILES_H
#define SNAPFS_MODEL_CREATE_NEW_FILES_H

#include "model/create/plan.h"
#include "model/graph/survey.h"

struct target {
    char *path;
    bool there; /* it was there before: a block device, or a file to be reused */
};

struct new_files {
    struct target *items;
    size_t n;
};

/* Settles the files of `w`, after plan_make, and checks that each is free to be made. No file may
 * have its name, and no domain's disk or snapshot may name it. If it is there already (a block
 * device, or a file with reuse-external), nothing may use it.
 *
 * EINVAL, EEXIST, EBUSY; EOPNOTSUPP if a disk is on no file, because snapfs cannot choose an
 * overlay's name then. Call new_files_drop in any case.
 */
int new_files_settle(const struct survey *v, const struct domain *d, struct wish *w,
                     struct new_files *ret, struct err *e);
void new_files_drop(struct new_files *t);

/* Checks, right before the call, that files which were not there are still not there. EEXIST. */
int new_files_confirm(const struct new_files *t, struct err *e);

#endif
