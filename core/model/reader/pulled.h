/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pulled.h - tags in a file whose backing file was pulled into it.
 *
 * `virsh blockpull` (and `qemu-img rebase -b ''`) copies what the guest sees of the backing file
 * into the overlay, and ends the overlay's chain. The copy does not help a tag in the overlay: QEMU
 * reads zeros for data that the tag had in the backing file.
 *
 * If the snapshot's own XML has the chain, snapfs reads the tag through it. If the file's backing
 * file was seen before (reader/tag_backing.h), snapfs reads the tag through that file. Otherwise
 * snapfs refuses the tag, as far as it can tell.
 */
#ifndef SNAPFS_MODEL_READER_PULLED_H
#define SNAPFS_MODEL_READER_PULLED_H

#include "image/image.h"
#include "model/catalog/domain.h"

struct model;

/* Checks `im`, the image of that disk of `s`, just opened. `s` is a snapshot of the domain, or a
 * tag that libvirt does not know. Fails with EIO if all of this is true:
 *
 *   - The image is a tag in a file that has no backing file.
 *   - A snapshot of the domain says that the file had a backing file, or snapfs saw one.
 *   - The backing file has data that the tag lacks. If it cannot be read, it counts as data.
 */
int pulled_check(const struct model *m, struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, struct image *im, struct err *e);

/* Checks a disk of `s` before a revert to a tag. QEMU would read the disk through the chain in the
 * file's header. If the snapshot's XML gives another chain, it fails with EBUSY. */
int pulled_check_revert(struct model *m, struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk, struct err *e);

#endif
