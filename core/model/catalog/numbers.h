/* SPDX-License-Identifier: GPL-3.0-or-later */
/* numbers.h - the numbers that st_ino is made of. They tell one state of a disk from another, as
 * idents do (struct snapshot_disk). Another boot, or another mount of the images' file system, does
 * not change them.
 *
 * A change by snapfs that leaves a snapshot's bytes alone may still move them to another file, or
 * change their time: a merge, a copy, a redefine. Then snapfs keeps the number that the snapshot
 * had (journal/kept.h), with the state that it holds for. If that record is lost, or another
 * program changes the file, the number is made anew, and a backup reads the image once more.
 */
#ifndef SNAPFS_MODEL_CATALOG_NUMBERS_H
#define SNAPFS_MODEL_CATALOG_NUMBERS_H

#include "model/journal/kept.h"
#include "model/catalog/domain.h"

struct model;

/* Sets disk->number from disk->state, or from what is kept of that state. `kept` may be NULL. */
void numbers_set(const struct kept *kept, const char *uuid, const struct snapshot *s,
                 struct snapshot_disk *disk);

/* Keeps the numbers after a change by snapfs: for the snapshots that are in the domain before it
 * and after it. */
void numbers_keep(struct model *m, const struct domain *before, const struct domain *after);

#endif
