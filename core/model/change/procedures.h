/* SPDX-License-Identifier: GPL-3.0-or-later */
/* procedures.h - the parts that all procedures (journal/procedure.h) on a domain share. */
#ifndef SNAPFS_MODEL_CHANGE_PROCEDURES_H
#define SNAPFS_MODEL_CHANGE_PROCEDURES_H

#include "model/journal/procedure.h"
#include "model/catalog/domain.h"
#include "virt/xml.h"

struct model;

/* Fills in all members except the procedure's own plan. `p` borrows the strings of `d`. */
int procedure_begin(struct procedure *p, struct model *m, struct journal *j, const struct domain *d,
                    const char *snapshot, struct text *remark, struct err *e);

/* Serve as the look and the drop of a procedure that reads nothing except the domain. */
int procedure_look(struct procedure *p, struct err *e);
void procedure_drop_now(struct procedure *p);

/* Returns whether the current snapshot had this name at the last look. If `name` is "", returns
 * whether there was no current snapshot. */
bool procedure_is_current(const struct procedure *p, const char *name);
/* Copies the name of the current snapshot of `d`, for a plan; NULL without memory. */
char *procedure_current(const struct domain *d);

/* Returns whether the domain's document `x` has the disk `target` on exactly this path. If `x` is
 * NULL, returns false. */
bool procedure_is_on(const struct xml_domain *x, const char *target, const char *path);

#endif
