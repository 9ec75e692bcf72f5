/* procedures.h - what all procedures (journal/procedure.h) on a domain share. */
#ifndef SNAPFS_MODEL_CHANGE_PROCEDURES_H
#define SNAPFS_MODEL_CHANGE_PROCEDURES_H

#include "model/journal/procedure.h"
#include "model/model.h"

/* Fills in all that is not of the procedure's own plan. */
int procedure_begin(struct procedure *p, struct model *m, struct journal *j, const struct domain *d,
                    const char *snapshot, struct text *remark, struct err *e);

/* The look and the drop of a procedure that reads nothing but the domain. */
int procedure_look(struct procedure *p, struct err *e);
void procedure_drop_now(struct procedure *p);

/* Is that the name of the current snapshot, as it was looked at? "": there is none. */
bool procedure_is_current(const struct procedure *p, const char *name);

#endif
