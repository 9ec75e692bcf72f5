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

/* Writes the plan to the journal and runs all steps. On failure it is undone, and the failure's
 * sentence says so, or what is left to be done. Then the journal is empty, except when libvirt's
 * answer did not come (EHOSTDOWN, ETIMEDOUT) or snapfs lacks memory or descriptors. Such a journal
 * is left to the next operation on the domain, or to a mount. */
int procedure_run(struct procedure *p, struct err *e);

/* Undoes or finishes what the journal `j` tells of, and tells it in `remark`; then it is empty. On
 * failure it stays: EBUSY when it was begun through another libvirt than `uri`, EIO when it cannot
 * be understood; EINTR when the thread's task is unwanted. */
int procedure_recover(const struct procedure_kind *kind, struct model *m, struct journal *j,
                      const char *uuid, const char *uri, struct text *remark, struct err *e);

/* Says where a procedure goes on by the flags of its steps alone. */
int procedure_stopped(const struct procedure *p, enum step_end how);

/* May what was begun through the libvirt `begun` be gone on with through `uri`? EBUSY. */
int procedure_check_uri(const char *uri, const char *begun, struct err *e);

#endif
