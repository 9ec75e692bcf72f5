/* SPDX-License-Identifier: GPL-3.0-or-later */
/* procedure.h - an operation of several steps that ends whole or not at all, whatever cuts it off.
 *
 * A procedure is data: the values of its plan (fields.h), and its steps in order. The journal has
 * the plan before the first step begins, and each step before that begins. A procedure that fails
 * or is cut off before the step `commit_at` has begun is undone; from there on it is finished.
 *
 *     create 1                     the procedure's word, and the version of its lines
 *     uri URI                      the libvirt it was begun through
 *     snapshot NAME
 *     ...                          the plan
 *     ready                        from here on something may have been begun
 *     step make                    before each step
 *     ...                          what a step notes (procedure_note)
 *
 * A procedure says in its rows in what it differs:
 *   - the flags of a step;
 *   - the steps that are noted when it is undone;
 *   - `stopped` and `resume`, which choose where it goes on.
 *
 * Locks: called under the domain's operation and its journal.
 */
#ifndef SNAPFS_MODEL_JOURNAL_PROCEDURE_H
#define SNAPFS_MODEL_JOURNAL_PROCEDURE_H

#include "model/journal/procedure_record.h"

/* Writes the plan to the journal and runs all steps. If that fails, the procedure is undone; the
 * message says so, or says what is left to be done. The journal is empty then, except if libvirt's
 * answer did not come (EHOSTDOWN, ETIMEDOUT) or snapfs lacks memory or descriptors. Such a journal
 * is left to the next operation on the domain, or to a mount. */
int procedure_run(struct procedure *p, struct err *e);

/* Undoes or finishes what the journal `j` records, and tells it in `remark`; then the journal is
 * empty. If that fails, the journal stays. EBUSY: it was begun through another libvirt than `uri`.
 * EIO: it cannot be understood. EINTR: the thread's task is unwanted. */
int procedure_recover(const struct procedure_kind *kind, struct model *m, struct journal *j,
                      const char *uuid, const char *uri, struct text *remark, struct err *e);

/* Chooses how a procedure goes on by the flags of its steps alone. */
int procedure_stopped(const struct procedure *p, enum step_end how);

/* Checks that a procedure that was begun through the libvirt `begun` may go on through `uri`; else
 * EBUSY. */
int procedure_check_uri(const char *uri, const char *begun, struct err *e);

#endif
