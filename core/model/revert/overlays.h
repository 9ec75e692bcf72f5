/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlays.h - reverts to an external snapshot by snapfs's own procedure, if libvirt's own call is
 * missing or not safe.
 *
 * The procedure has these steps:
 *
 *   - It makes new overlays on the files that hold the snapshot's content.
 *   - It defines the domain as the snapshot has it, on the overlays, and stops the domain.
 *   - It starts the domain if the snapshot or the user wants that.
 *   - It makes the snapshot current.
 *   - It removes the overlays that the domain had, if they are unused.
 *
 * At no step can a program write to a file of a snapshot.
 *
 * Each step is in the journal before it begins. A revert that was cut off is undone as long as the
 * guest goes on, and else finished. If QEMU does not start, the domain gets back the configuration
 * that it had; no program has touched its disks.
 */
#ifndef SNAPFS_MODEL_REVERT_OVERLAYS_H
#define SNAPFS_MODEL_REVERT_OVERLAYS_H

#include "model/change/operation.h"
#include "model/journal/procedure.h"
#include "model/revert/check.h"

/* Reverts, after guard_revert chose this way, with what it found; found->left is taken over. `flags`
 * are virt_revert_flag.
 *
 * Fails with EOPNOTSUPP, EBUSY, EPERM or ENOENT, and the reason, before anything is touched. Also
 * fails with EBUSY if another program changes the domain meanwhile; then nothing more is done. If
 * the connection is lost for good (EHOSTDOWN, ETIMEDOUT), the rest is left to procedure_recover.
 */
int revert_external(struct operation *t, const struct snapshot *s, unsigned flags,
                    struct revert_findings *found, struct text *remark, struct err *e);

extern const struct procedure_kind revert_kind;

#endif
