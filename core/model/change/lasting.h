/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lasting.h - what is kept of a domain (journal/kept.h) after a change made here. */
#ifndef SNAPFS_MODEL_CHANGE_LASTING_H
#define SNAPFS_MODEL_CHANGE_LASTING_H

#include "model/catalog/domain.h"

struct model;

/* After a change made here to the domain, which was `before` it: the snapshots that are still there
 * keep their inode numbers (catalog/numbers.h), and of new ones it is kept that their files are
 * right (reader/evidence.h). */
void lasting_keep(struct model *m, const struct domain *before);

#endif
