/* SPDX-License-Identifier: GPL-3.0-or-later */
/* procedures.h - the parts that all procedures (journal/procedure.h) on a domain share. */
#ifndef SNAPFS_MODEL_CHANGE_PROCEDURES_H
#define SNAPFS_MODEL_CHANGE_PROCEDURES_H

#include "model/journal/procedure.h"
#include "model/catalog/domain.h"
#include "virt/xml.h"

struct model;

/* Fills in all members that are not of the procedure's own plan. The strings of `d` are
 * borrowed. */
int procedure_begin(struct procedure *p, struct model *m, struct journal *j, const struct domain *d,
                    const char *snapshot, struct text *remark, struct err *e);

/* Serve as the look and the drop of a procedure that reads nothing except the domain. */
int procedure_look(struct procedure *p, struct err *e);
void procedure_drop_now(struct procedure *p);

/* Returns whether that was the name of the current snapshot at the last look. "": there was
 * none. */
bool procedure_is_current(const struct procedure *p, const char *name);
/* Copies the name of the current snapshot of `d`, for a plan; NULL without memory. */
char *procedure_current(const struct domain *d);

/* Returns whether that document of the domain (NULL: no) has the disk on just that path. */
bool procedure_is_on(const struct xml_domain *x, const char *target, const char *path);

#endif
