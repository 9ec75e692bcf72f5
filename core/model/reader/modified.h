/* SPDX-License-Identifier: GPL-3.0-or-later */
/* modified.h - are the files of a snapshot's image as they were when it was made?
 *
 * Somebody who commits into a file below a domain's disk by hand (virsh blockcommit, qemu-img
 * commit) leaves libvirt's snapshots as they were, and once that has ended the file tells of it by
 * its time alone. reader/evidence.h says which times are right. An image is refused
 *
 *   - if a file of it was seen to change under an open image, or with a writer that changed it
 * later, or was seen as the domain's live disk, in this mount or an earlier one;
 *   - with the option `untouched`, if any file of it has a later time than it may have;
 *   - if the file that has its bytes has, by a tenth of a second, and the overlay of a later
 *     snapshot stands right on it: then what was between them was merged into it.
 *
 * Otherwise a later time is no cause to refuse: qemu-img makes a tag in a file as well.
 */
#ifndef SNAPFS_MODEL_READER_MODIFIED_H
#define SNAPFS_MODEL_READER_MODIFIED_H

#include "model/catalog/domain.h"

struct image;

enum { TOUCHED_MAX = 1024 }; /* files that are remembered, the latest */

struct touched; /* files that were seen to change */

struct touched *touched_new(void);    /* NULL without memory */
void touched_free(struct touched *t); /* NULL allowed */

/* Of plain files, by their own time; not of tags that libvirt does not know. EIO. */
int modified_check(struct model *m, const struct domain *d, const struct snapshot *s,
                   const struct snapshot_disk *disk, const struct image *im, struct err *e);

/* Notes those files of the image, but the one that a tag is in, that the domain itself writes to
 * now: their bytes are lost to the snapshot, also once the domain has gone on to another file. */
void modified_note_live(struct model *m, struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk);

/* Asked before `s` is deleted, which may be all that tells of a merge: notes the files that it
 * tells of. */
void modified_note_merges(struct model *m, const struct domain *d, const struct snapshot *s);

/* An image of that domain is closed, or a read of it has failed with ESTALE: those of its files
 * that have changed while it was open, or that another program can write to, are remembered. */
void model_image_changed(struct model *m, const char *uuid, struct image *im);

#endif
