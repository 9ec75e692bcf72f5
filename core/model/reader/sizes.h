/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sizes.h - the sizes of images that were last known, and the lengths of the raw files below them.
 *
 * snapfs lists an image even if it cannot be read now, so the image needs a size. snapfs keeps the
 * size that a look at an image has found, also for later mounts (journal/keep_later.h).
 *
 * A snapshot's disk never gets smaller. A raw file that is shorter than before was cut short, or is
 * still being copied. QEMU and any reader would take it for the whole disk, or read zeros after its
 * end.
 */
#ifndef SNAPFS_MODEL_READER_SIZES_H
#define SNAPFS_MODEL_READER_SIZES_H

#include "model/catalog/domain.h"

struct model;
struct image;

/* Notes the size of an image that could be opened, and the lengths of its raw files. */
void sizes_note(struct model *m, const struct domain *d, const struct snapshot *s,
                const struct snapshot_disk *disk, const struct image *im);

/* Fails with EIO if the image, or a raw file of it, is shorter than it was when it was noted. */
int sizes_check(const struct model *m, const struct domain *d, const struct snapshot *s,
                const struct snapshot_disk *disk, const struct image *im, struct err *e);

/* Keeps the present sizes of the snapshot's images, because a user says that they are right. */
void sizes_accept(struct model *m, struct domain *d, const struct snapshot *s);

/* Returns a size, in bytes, for an image that cannot be read: the last known one, else that in the
 * header of its file or of the overlay that was made with the snapshot, else SIZES_UNKNOWN. Never
 * 0: tar and mksquashfs do not even open an empty file. */
uint64_t sizes_of_unreadable(struct model *m, struct domain *d, const struct snapshot *s,
                             const struct snapshot_disk *disk);
enum { SIZES_UNKNOWN = 512 };

#endif
