/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lasting.h - the records of a domain (journal/kept.h) after a change by snapfs. */
#ifndef SNAPFS_MODEL_CHANGE_LASTING_H
#define SNAPFS_MODEL_CHANGE_LASTING_H

#include "model/catalog/domain.h"

struct model;

/* Keeps records after a change by snapfs to the domain, which was `before` it. The snapshots that
 * are still there keep their inode numbers (catalog/numbers.h). For new snapshots it keeps that
 * their files are right (reader/evidence.h). */
void lasting_keep(struct model *m, const struct domain *before);

#endif
