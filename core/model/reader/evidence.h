/* SPDX-License-Identifier: GPL-3.0-or-later */
/* evidence.h - what tells that a file still holds what a snapshot has in it.
 *
 * libvirt's own files do not tell: it writes a snapshot down anew whenever the current mark moves.
 * So there are two things of our own.
 *
 * One is the content time of a file (reader/content_time.h).
 *
 * The *time of a snapshot* is the latest content time that a file of it may have: kept when it is
 * made here and when its description is written to; else the moment when it was made, by libvirt's
 * document and by the birth of its overlays. Files that are lost, or their records, cost a refusal.
 */
#ifndef SNAPFS_MODEL_READER_EVIDENCE_H
#define SNAPFS_MODEL_READER_EVIDENCE_H

#include "image/image.h"
#include "model/catalog/domain.h"
#include "model/reader/content_time.h"

struct model;

struct kept;
struct mounts;

/* ---- the time of a snapshot ---- */

/* Keeps it: the latest content time of the files that it has now are right. */
void evidence_keep(struct model *m, struct domain *d, const struct snapshot *s);

/* What was kept of it; 0 for nothing. */
uint64_t evidence_kept(const struct domain *d, const struct snapshot *s);

/* When it was made, as far as that is known without it. `mounts`: overlays inside a snapfs mount
 * are not looked at. */
uint64_t evidence_made(const struct mounts *mounts, const struct domain *d,
                       const struct snapshot *s);

/* After a change made here, and when a domain was read: keeps the times of the snapshots that were
 * made by the former, or that a delete by libvirt has moved to another file. `before` is the domain
 * before that. */
void evidence_keep_new(struct model *m, const struct domain *before, struct domain *after);
void evidence_keep_moved(struct model *m, const struct domain *before, struct domain *after);

/* ---- what was seen to change ---- */

struct touch {
    uint64_t before_ns; /* the time that the file had before it was first seen to change */
    uint64_t known_ns;  /* its writers came later than snapshots that were made until then; 0: when
                           is not known, in records of older versions */
};

void evidence_touch(struct model *m, const char *uuid, const char *path,
                    const struct image_id *file, const struct touch *touch);

/* A later snapshot, which may be deleted, tells that its data was merged into the file of that disk
 * of `s`. */
void evidence_merge(struct model *m, const struct domain *d, const struct snapshot *s,
                    const struct snapshot_disk *disk, const struct image_id *file);
/* One has told that. */
bool evidence_merged(const struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, const struct image_id *file);

/* false: it was not seen to change. */
bool evidence_touched(const struct kept *kept, const char *path, const struct image_id *file,
                      struct touch *ret);

#endif
