/* sizes.h - the sizes of images that were last known.
 *
 * An image that cannot be read now is listed all the same, so it needs a size. What a look at an
 * image has found out is kept over mounts (journal/kept.h). A thread of its own writes what has
 * come together within SIZES_WRITE_MS, so that a first listing of 1,000 snapshots is one write.
 */
#ifndef SNAPFS_MODEL_READER_SIZES_H
#define SNAPFS_MODEL_READER_SIZES_H

#include "model/model.h"

enum {
    SIZES_WRITE_MS = 1000,
    SIZES_PENDING_MAX = 4096 /* what comes past that is found out again by a later look */
};

struct sizes;

struct sizes *sizes_new(struct model *m); /* NULL without memory */
void sizes_free(struct sizes *all);       /* writes what is left; NULL allowed */

/* Notes the size, in bytes, of an image that could be opened. */
void sizes_note(struct sizes *all, const struct domain *d, const struct snapshot *s,
                const struct snapshot_disk *disk, uint64_t size);

/* Returns a size, in bytes, for an image that cannot be read: the last known one, else that in the
 * header of its file or of the overlay that was made with the snapshot, else SIZES_UNKNOWN. Never
 * 0: tar and mksquashfs do not even open an empty file. */
uint64_t sizes_of_unreadable(const struct sizes *all, struct domain *d, const struct snapshot *s,
                             const struct snapshot_disk *disk);
enum { SIZES_UNKNOWN = 512 };

#endif
