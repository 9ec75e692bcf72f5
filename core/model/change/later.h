/* SPDX-License-Identifier: GPL-3.0-or-later */
/* later.h - overlays that could not be merged when their snapshot was forgotten. A later delete of
 * the domain merges them as soon as it can.
 *
 * If the user chose an overlay's path, only libvirt's snapshot names the overlay. A file may take
 * no mark (storage/file_marks.h), for example if it is immutable. So the domain's records
 * (journal/kept.h) have both as well. If a record is lost, a file is left that the user has to
 * remove.
 */
#ifndef SNAPFS_MODEL_CHANGE_LATER_H
#define SNAPFS_MODEL_CHANGE_LATER_H

#include "model/catalog/domain.h"

struct model;

struct kept;

/* Notes that the snapshot is forgotten, and the disk's file is left with an overlay on it. */
void later_note_base(struct model *m, const struct domain *d, const struct snapshot_disk *disk);

/* Notes the overlay of that disk, because the snapshot is about to name it no more. */
void later_note_overlay(struct model *m, const struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk);

/* Notes that the overlay was merged into the file. */
void later_done(struct model *m, const char *uuid, const char *base, const char *overlay);

/* Return whether the path is such a file, or such an overlay. `kept` may be NULL. */
bool later_is_base(const struct kept *kept, const char *path);
bool later_is_overlay(const struct kept *kept, const char *path);

#endif
