/* SPDX-License-Identifier: GPL-3.0-or-later */
/* later.h - overlays that could not be merged when their snapshot was forgotten, which a later
 * delete of the domain merges as soon as it can.
 *
 * Nothing but libvirt's snapshot names an overlay at a path that the user chose, and a file may
 * take no mark (storage/file_marks.h), as one that is immutable, so both are kept with the domain
 * (journal/kept.h) as well. A record that is lost leaves a file that the user has to remove.
 */
#ifndef SNAPFS_MODEL_CHANGE_LATER_H
#define SNAPFS_MODEL_CHANGE_LATER_H

#include "model/catalog/domain.h"

struct model;

struct kept;

/* The snapshot is forgotten, and the disk's file is left with an overlay on it. */
void later_note_base(struct model *m, const struct domain *d, const struct snapshot_disk *disk);

/* The snapshot is about to name the overlay of that disk no more. */
void later_note_overlay(struct model *m, const struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk);

/* The file and the overlay are merged. */
void later_done(struct model *m, const char *uuid, const char *base, const char *overlay);

/* Is it such a file, such an overlay? `kept` may be NULL. */
bool later_is_base(const struct kept *kept, const char *path);
bool later_is_overlay(const struct kept *kept, const char *path);

#endif
