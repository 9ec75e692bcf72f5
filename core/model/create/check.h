/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.h - whether a snapshot may be made as planned. See change/guard.h. */
#ifndef SNAPFS_MODEL_CREATE_CHECK_H
#define SNAPFS_MODEL_CREATE_CHECK_H

#include "model/create/plan.h"
#include "model/graph/survey.h"

/* Checks that a snapshot may be made as planned. `v` may be a survey of the domain alone if no file
 * is made. */
int guard_create(struct model *m, const struct survey *v, const struct domain *d, const char *name,
                 const struct plan *p, struct err *e);

#endif
