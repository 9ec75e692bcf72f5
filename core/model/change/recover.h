/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recover.h - inside core/model: the recovery of an operation on a domain after a crash. */
#ifndef SNAPFS_MODEL_CHANGE_RECOVER_H
#define SNAPFS_MODEL_CHANGE_RECOVER_H

#include "model/journal/journal.h"
#include "model/journal/procedure.h"

/* A kind of journal, by its first word. model.c hands in a row for each; the last row has neither
 * `kind` nor `word`. */
struct recoverable {
    const struct procedure_kind *kind; /* the word is this one's; NULL: see `word` */
    const char *word;
    int (*recover)(struct model *m, struct journal *j, const char *uuid, struct text *remark,
                   struct err *e);
};

/* Undoes or finishes what the journal records, and says so in the domain's log. */
int recover_domain(struct model *m, struct journal *j, const char *uuid, struct err *e);

#endif
