/* SPDX-License-Identifier: GPL-3.0-or-later */
/* numbers.h - the numbers that st_ino is made of. Two states of a disk have different numbers, as
 * with idents (struct snapshot_disk). Another boot, or another mount of the images' file system,
 * does not change the numbers.
 *
 * A change by snapfs that leaves a snapshot's bytes alone may still move them to another file, or
 * change their time: a merge, a copy, a redefine. Then snapfs records the number that the snapshot
 * had, and the state that has this number (journal/kept.h). If that record is lost, or another
 * program changes the file, the snapshot gets a new number, and a backup reads the image once more.
 */
#ifndef SNAPFS_MODEL_CATALOG_NUMBERS_H
#define SNAPFS_MODEL_CATALOG_NUMBERS_H

#include "model/journal/kept.h"
#include "model/catalog/domain.h"

struct model;

/* Sets disk->number from disk->state, or from the record of that state. `kept` may be NULL. */
void numbers_set(const struct kept *kept, const char *uuid, const struct snapshot *s,
                 struct snapshot_disk *disk);

/* Keeps numbers after a change by snapfs, for each snapshot that is in the domain both before the
 * change and after it. */
void numbers_keep(struct model *m, const struct domain *before, const struct domain *after);

#endif
