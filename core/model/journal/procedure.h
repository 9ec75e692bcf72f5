/* SPDX-License-Identifier: GPL-3.0-or-later */
/* procedure.h - an operation of several steps. It is done whole or not at all, even if it is cut
 * off.
 *
 * A procedure is data: the values of its plan (fields.h), and its steps in order. The journal has
 * the plan before the first step begins. It has a line for each step before the step begins. If a
 * procedure fails or is cut off before the step `commit_at` has begun, it is undone. From that step
 * on, it is finished.
 *
 *     create 1                     the procedure's word, and the version of its lines
 *     uri URI                      the libvirt it was begun through
 *     snapshot NAME
 *     ...                          the plan
 *     ready                        from here on something may have been begun
 *     step make                    before each step
 *     ...                          what a step notes (procedure_note)
 *
 * Procedures differ in their rows:
 *   - the flags of a step;
 *   - the steps that are noted when the procedure is undone;
 *   - `stopped` and `resume`, which choose the next action.
 *
 * Locks: called under the domain's operation and its journal.
 */
#ifndef SNAPFS_MODEL_JOURNAL_PROCEDURE_H
#define SNAPFS_MODEL_JOURNAL_PROCEDURE_H

#include "model/journal/procedure_record.h"

/* Writes the plan to the journal and runs all steps. If that fails, the procedure is undone; the
 * message says so, or says what is left to be done. The journal is then empty, with two exceptions:
 * libvirt's answer did not come (EHOSTDOWN, ETIMEDOUT), or snapfs lacks memory or descriptors. Such
 * a journal is left to the next operation on the domain, or to a mount. */
int procedure_run(struct procedure *p, struct err *e);

/* Undoes or finishes the procedure in the journal `j`, and reports that in `remark`. The journal is
 * then empty. If the recovery fails, the journal stays. It fails:
 * - with EBUSY if the procedure was begun through another libvirt than `uri`;
 * - with EIO if snapfs cannot understand the journal;
 * - with EINTR if the thread's task is unwanted. */
int procedure_recover(const struct procedure_kind *kind, struct model *m, struct journal *j,
                      const char *uuid, const char *uri, struct text *remark, struct err *e);

/* Chooses the next action of a procedure by the flags of its steps alone. */
int procedure_stopped(const struct procedure *p, enum step_end how);

/* Checks that a procedure that was begun through the libvirt `begun` may go on through `uri`; else
 * EBUSY. */
int procedure_check_uri(const char *uri, const char *begun, struct err *e);

#endif
