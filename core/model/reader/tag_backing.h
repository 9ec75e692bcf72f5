/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tag_backing.h - the backing file that a qcow2 file had when a tag in it was first seen.
 *
 * `virsh blockpull` and `qemu-img rebase` give a file another backing file, or none, and copy the
 * data that its guest would miss. The tags in the file get nothing of that: QEMU then reads zeros,
 * or other data, where the data of a tag was in the backing file. So snapfs keeps which file that
 * was (journal/kept.h). It counts for a tag if no XML tells of the chain.
 */
#ifndef SNAPFS_MODEL_READER_TAG_BACKING_H
#define SNAPFS_MODEL_READER_TAG_BACKING_H

#include "image/image.h"
#include "model/catalog/domain.h"

struct model;

/* Keeps the file `path` below `file`, which holds a tag, unless one is kept already. `state`:
 * image_id_lasting of the tag. Nothing if path or format is NULL. */
void tag_backing_note(struct model *m, const struct domain *d, const char *file, uint64_t state,
                      const char *path, const char *format);

struct tag_backing {
    const char *path; /* borrowed from what is kept of the domain; NULL: nothing is known */
    char format[32];
    bool there; /* it is that file still, with what it had then */
};

void tag_backing_find(const struct domain *d, const struct snapshot_disk *disk,
                      struct tag_backing *ret);

#endif
