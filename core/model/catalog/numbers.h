/* SPDX-License-Identifier: GPL-3.0-or-later */
/* numbers.h - the numbers that st_ino is made of: they tell one state of a disk from another as
 * idents do (struct snapshot_disk), and hold nothing that another boot or another mount of the
 * images' file system changes.
 *
 * A change made here that leaves a snapshot's bytes alone may still move them to another file, or
 * change the time of theirs: a merge, a copy, a redefine. Then the number that the snapshot had is
 * kept (journal/kept.h), with the state that it holds for. If that record is lost, or the file is
 * changed by somebody else, the number is made anew, and a backup reads the image once more.
 */
#ifndef SNAPFS_MODEL_CATALOG_NUMBERS_H
#define SNAPFS_MODEL_CATALOG_NUMBERS_H

#include "model/journal/kept.h"
#include "model/catalog/domain.h"

struct model;

/* Sets disk->number from disk->state, or from what is kept of that state. `kept` may be NULL. */
void numbers_set(const struct kept *kept, const char *uuid, const struct snapshot *s,
                 struct snapshot_disk *disk);

/* After a change made here: the snapshots that are in the domain before it and after it keep the
 * numbers that they had. */
void numbers_keep(struct model *m, const struct domain *before, const struct domain *after);

#endif
