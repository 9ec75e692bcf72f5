/* SPDX-License-Identifier: GPL-3.0-or-later */
/* procedures.h - what all procedures (journal/procedure.h) on a domain share. */
#ifndef SNAPFS_MODEL_CHANGE_PROCEDURES_H
#define SNAPFS_MODEL_CHANGE_PROCEDURES_H

#include "model/journal/procedure.h"
#include "model/catalog/domain.h"
#include "virt/xml.h"

struct model;

/* Fills in all that is not of the procedure's own plan. The strings of `d` are borrowed. */
int procedure_begin(struct procedure *p, struct model *m, struct journal *j, const struct domain *d,
                    const char *snapshot, struct text *remark, struct err *e);

/* The look and the drop of a procedure that reads nothing but the domain. */
int procedure_look(struct procedure *p, struct err *e);
void procedure_drop_now(struct procedure *p);

/* Was that the name of the current snapshot at the last look? "": there was none. */
bool procedure_is_current(const struct procedure *p, const char *name);
/* The name of the current snapshot of `d`, for a plan; NULL without memory. */
char *procedure_current(const struct domain *d);

/* Does that document of the domain (NULL: no) have the disk on just that path? */
bool procedure_is_on(const struct xml_domain *x, const char *target, const char *path);

#endif
