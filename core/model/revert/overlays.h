/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlays.h - a revert to an external snapshot by steps of our own, where libvirt's own call is
 * not there or not safe.
 *
 * New overlays are made on the files that hold the snapshot's content; the domain is defined as the
 * snapshot has it, on the overlays, and stopped; it is started where the snapshot or the user wants
 * that; the snapshot is made current; and the overlays that it had are removed, where nothing else
 * needs them. No step ever lets anybody write to a file of a snapshot.
 *
 * Each step is in the journal before it begins, so that one that was cut off is undone as long as
 * the guest goes on, and else finished. When QEMU does not start, the domain gets back the
 * configuration that it had, whose disks nobody has touched.
 */
#ifndef SNAPFS_MODEL_REVERT_OVERLAYS_H
#define SNAPFS_MODEL_REVERT_OVERLAYS_H

#include "model/journal/procedure.h"
#include "model/catalog/domain.h"

struct model;

/* Reverts; `d` was read just now, and nobody but us works on it (`j` is its journal, empty).
 * `flags` are virt_revert_flag. EOPNOTSUPP, EBUSY, EPERM, ENOENT with the reason before anything is
 * touched. EBUSY also when someone else changes the domain meanwhile: then nothing more is done. A
 * connection that is lost for good (EHOSTDOWN, ETIMEDOUT) leaves the rest to procedure_recover. */
int revert_external(struct model *m, struct journal *j, struct domain *d, const struct snapshot *s,
                    unsigned flags, struct text *remark, struct err *e);

extern const struct procedure_kind revert_kind;

#endif
