/* SPDX-License-Identifier: GPL-3.0-or-later */
/* modified.h - whether the files of a snapshot's image are as they were when it was made.
 *
 * If a user commits into a file below a domain's disk by hand (virsh blockcommit, qemu-img commit),
 * libvirt's snapshots stay as they were. After the commit only the file's time tells of it.
 * reader/evidence.h says which times are right. snapfs refuses an image in three cases:
 *
 *   - snapfs saw a file of the image change under an open image, or saw a writer that changed the
 *     file later. Or snapfs saw the file as the domain's live disk, in this or an earlier mount.
 *   - The option `untouched` is set, and any file of the image has a later time than it may have.
 *   - The file that has the image's bytes is later by a tenth of a second, and the overlay of a
 *     later snapshot uses that file directly. Then the layers between were merged into the file.
 *
 * Otherwise a later time does not make snapfs refuse, because qemu-img also writes a tag into a
 * file.
 */
#ifndef SNAPFS_MODEL_READER_MODIFIED_H
#define SNAPFS_MODEL_READER_MODIFIED_H

#include "model/catalog/domain.h"

struct image;

enum { TOUCHED_MAX = 1024 }; /* snapfs remembers so many files: the latest */

struct touched; /* the files that snapfs saw change */

struct touched *touched_new(void);    /* NULL without memory */
void touched_free(struct touched *t); /* NULL allowed */

/* Checks plain files by their own time; does not check tags that libvirt does not know. Fails with
 * EIO, or with EBUSY while an operation of snapfs writes to the file. */
int modified_check(struct model *m, const struct domain *d, const struct snapshot *s,
                   const struct snapshot_disk *disk, const struct image *im, struct err *e);

/* Notes each file of the image that the domain itself writes to now, except the file that holds a
 * tag. The snapshot has lost the bytes of such a file, even if the domain later uses another
 * file. */
void modified_note_live(struct model *m, struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk);

/* Notes each file into which data was merged, if `s` tells of the merge. Call it before `s` is
 * deleted, because nothing else may tell of the merge. */
void modified_note_merges(struct model *m, const struct domain *d, const struct snapshot *s);

/* Remembers the image's files that changed while it was open, or that another program can write to.
 * Call it when the image is closed, or when a read of it has failed with ESTALE. */
void model_image_changed(struct model *m, const char *uuid, struct image *im);

#endif
