/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.h - may a snapshot be made as planned? See change/guard.h. */
#ifndef SNAPFS_MODEL_CREATE_CHECK_H
#define SNAPFS_MODEL_CREATE_CHECK_H

#include "model/create/plan.h"
#include "model/graph/survey.h"

/* Before a snapshot as planned is made; `v` may be a survey of the domain alone where no file is
 * made. */
int guard_create(struct model *m, const struct survey *v, const struct domain *d, const char *name,
                 const struct plan *p, struct err *e);

#endif
