/* SPDX-License-Identifier: GPL-3.0-or-later */
/* evidence.h - whether a file still holds what a snapshot has in it.
 *
 * libvirt's own files do not tell, because libvirt rewrites the file of a snapshot whenever the
 * current mark moves. So snapfs uses two times of its own.
 *
 * One is the content time of a file (reader/content_time.h).
 *
 * The other is the *time of a snapshot*: the latest content time that a file of it may have. snapfs
 * keeps it when it makes the snapshot, and when the snapshot's description is written to. Otherwise
 * the time is the moment when the snapshot was made, by libvirt's document and by the birth of its
 * overlays. If files or their records are lost, snapfs may refuse to read an image that is right.
 */
#ifndef SNAPFS_MODEL_READER_EVIDENCE_H
#define SNAPFS_MODEL_READER_EVIDENCE_H

#include "image/id.h"
#include "model/catalog/domain.h"
#include "model/reader/content_time.h"

struct model;

struct kept;
struct mounts;

/* ---- the time of a snapshot ---- */

/* Keeps the latest content time of the snapshot's files as the time of the snapshot. The files are
 * right in their present state. */
void evidence_keep(struct model *m, struct domain *d, const struct snapshot *s);

/* Returns the kept time of the snapshot, or 0 if none was kept. */
uint64_t evidence_kept(const struct domain *d, const struct snapshot *s);

/* Returns when the snapshot was made, as far as that is known without a kept time. `mounts`:
 * overlays inside a snapfs mount are not looked at. */
uint64_t evidence_made(const struct mounts *mounts, const struct domain *d,
                       const struct snapshot *s);

/* Keep the times of some snapshots; `before` is the domain as it was before. The first is for the
 * snapshots that a change by snapfs has made. The second is for a domain that was read: for
 * snapshots that a delete by libvirt has moved to another file. */
void evidence_keep_new(struct model *m, const struct domain *before, struct domain *after);
void evidence_keep_moved(struct model *m, const struct domain *before, struct domain *after);

/* ---- what was seen to change ---- */

struct touch {
    uint64_t before_ns; /* the time that the file had before it was first seen to change */
    uint64_t known_ns;  /* snapshots made until then came before its writers; 0: that moment is not
                           known, in records of older versions */
};

void evidence_touch(struct model *m, const char *uuid, const char *path,
                    const struct image_id *file, const struct touch *touch);

/* Notes that data of a later snapshot was merged into the file of that disk of `s`. The later
 * snapshot tells so, and may be deleted. */
void evidence_merge(struct model *m, const struct domain *d, const struct snapshot *s,
                    const struct snapshot_disk *disk, const struct image_id *file);
/* Returns whether such a merge was noted. */
bool evidence_merged(const struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, const struct image_id *file);

/* Returns false if the file was not seen to change. */
bool evidence_touched(const struct kept *kept, const char *path, const struct image_id *file,
                      struct touch *ret);

#endif
