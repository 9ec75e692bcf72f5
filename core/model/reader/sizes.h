/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sizes.h - the sizes of images that were last known.
 *
 * snapfs lists an image even if it cannot be read now, so the image needs a size. snapfs keeps the
 * size that a look at an image has found, also for later mounts (journal/keep_later.h).
 */
#ifndef SNAPFS_MODEL_READER_SIZES_H
#define SNAPFS_MODEL_READER_SIZES_H

#include "model/catalog/domain.h"

struct model;

/* Notes the size, in bytes, of an image that could be opened. */
void sizes_note(struct model *m, const struct domain *d, const struct snapshot *s,
                const struct snapshot_disk *disk, uint64_t size);

/* Returns a size, in bytes, for an image that cannot be read: the last known one, else that in the
 * header of its file or of the overlay that was made with the snapshot, else SIZES_UNKNOWN. Never
 * 0: tar and mksquashfs do not even open an empty file. */
uint64_t sizes_of_unreadable(struct model *m, struct domain *d, const struct snapshot *s,
                             const struct snapshot_disk *disk);
enum { SIZES_UNKNOWN = 512 };

#endif
