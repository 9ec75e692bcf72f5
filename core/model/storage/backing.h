/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backing.h - the chain of a disk that counts. Every opener and follower of a disk's chain asks
 * here, for a snapshot's image by reader/image_backing.h. No locks; no file is looked at.
 *
 * libvirt gives QEMU the chain of the XML's <backingStore> and reads headers only below its last
 * layer. So the XML's chain counts: that of a snapshot's <domain> for its image, that of the live
 * XML for the disk of a domain. It is compared with the headers, layer by layer, where the files
 * are opened (image/chain.h). A layer that is not there, and that the headers leave out, was merged
 * away; otherwise the XML is right, with one exception (reader/policy.h): libvirt 9.0 leaves out of
 * other snapshots' XML what a delete of metadata alone did not merge.
 */
#ifndef SNAPFS_MODEL_STORAGE_BACKING_H
#define SNAPFS_MODEL_STORAGE_BACKING_H

#include "base/error.h"
#include "image/image.h"
#include "virt/xml.h"

struct volumes;

/* A disk as the reader wants it. */
struct backing {
    struct image_source source; /* borrows from the XML and the volumes, and */
    struct image_below *below;  /* this; of a tag also from what is kept of the domain: */
    const char *seen;           /* the file that was seen below it, NULL for none, */
    char seen_format[32];       /* in this format */
};

/* The source of a disk with all that its XML says of the chain; source.path is NULL where it is on
 * no file. -ENOMEM. */
int backing_of(struct volumes *volumes, const struct xml_disk *disk, struct backing *ret,
               struct err *e);
/* Adds what the XML says of the layers below its layer number `from`; 0 = the disk's own file. */
int backing_take_below(struct volumes *volumes, const struct xml_disk *disk, size_t from,
                       struct backing *ret, struct err *e);
void backing_drop(struct backing *b);

#define autobacking __attribute__((cleanup(backing_drop)))

#endif
