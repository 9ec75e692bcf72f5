/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lasting.h - the records of a domain (journal/kept.h) after a change by snapfs. */
#ifndef SNAPFS_MODEL_CHANGE_LASTING_H
#define SNAPFS_MODEL_CHANGE_LASTING_H

#include "model/catalog/domain.h"

struct model;

/* Keeps records after snapfs has changed the domain. `before` is the domain before the change. The
 * snapshots that are still there keep their inode numbers (catalog/numbers.h). For each new
 * snapshot, a record says that its files are right (reader/evidence.h). */
void lasting_keep(struct model *m, const struct domain *before);

#endif
