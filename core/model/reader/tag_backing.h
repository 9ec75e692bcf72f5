/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tag_backing.h - the backing file that a qcow2 file had when a tag in it was first seen.
 *
 * `virsh blockpull` and `qemu-img rebase` give a file another backing file, or none. They copy the
 * data that the guest would miss, but only for the guest and not for the tags in the file. QEMU
 * then reads zeros, or other data, for data that a tag had in the backing file.
 *
 * So snapfs keeps the name of that backing file (journal/kept.h). reader/image_backing.h says when
 * the name counts.
 */
#ifndef SNAPFS_MODEL_READER_TAG_BACKING_H
#define SNAPFS_MODEL_READER_TAG_BACKING_H

#include "model/catalog/domain.h"

struct model;

/* Keeps the file `path` as the one below `file`, which holds a tag, unless one is kept already.
 * `state` is image_id_lasting of the tag. Does nothing if path or format is NULL. */
void tag_backing_note(struct model *m, const struct domain *d, const char *file, uint64_t state,
                      const char *path, const char *format);

struct tag_backing {
    const char *path; /* borrowed from the domain's records; NULL: no record */
    char format[32];
    bool there; /* `path` is still that file, with the same content */
};

void tag_backing_find(const struct domain *d, const struct snapshot_disk *disk,
                      struct tag_backing *ret);

#endif
