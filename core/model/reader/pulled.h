/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pulled.h - tags in a file whose backing file was pulled into it.
 *
 * `virsh blockpull` (and `qemu-img rebase -b ''`) copies what the guest sees of the backing file
 * into the overlay, and ends the overlay's chain. A tag in the overlay gets nothing of that: QEMU
 * reads zeros where the tag's data was in the backing file. If the snapshot's own XML has the
 * chain, or the file's backing file was seen before (reader/tag_backing.h), it is read by that.
 * Else the tag is refused, as far as it can be told. */
#ifndef SNAPFS_MODEL_READER_PULLED_H
#define SNAPFS_MODEL_READER_PULLED_H

#include "image/image.h"
#include "model/catalog/domain.h"

struct model;

/* `im` is that disk of `s`, one of the domain's snapshots or a tag that libvirt does not know, just
 * opened. EIO if it is a tag in a file that has no backing file, which a snapshot of the domain
 * says it had, and that has data where the tag has nothing. What cannot be read of the backing file
 * counts as data. */
int pulled_check(const struct model *m, struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, struct image *im, struct err *e);

/* Would QEMU, by the file's header, read the disk of `s` through another chain than its XML gives?
 * Asked before a revert to a tag. EBUSY. */
int pulled_check_revert(struct model *m, struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk, struct err *e);

#endif
