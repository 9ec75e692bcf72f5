/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backing.h - the chain of a disk that counts. All code that opens or follows a disk's chain asks
 * here; for a snapshot's image it asks reader/image_backing.h. No locks; looks at no file.
 *
 * libvirt gives QEMU the chain of the XML's <backingStore>, and reads headers only below its last
 * layer. So the XML's chain counts: that of a snapshot's <domain> for its image, and that of the
 * live XML for the disk of a domain. It is compared with the headers, layer by layer, when the
 * files are opened (image/chain_walk.h).
 *
 * If a layer is not there, and the headers leave it out, it was merged away. Otherwise the XML is
 * right, with one exception (reader/policy.h): libvirt 9.0 leaves out of other snapshots' XML what
 * a delete of metadata alone did not merge.
 */
#ifndef SNAPFS_MODEL_STORAGE_BACKING_H
#define SNAPFS_MODEL_STORAGE_BACKING_H

#include "base/error.h"
#include "image/source.h"
#include "virt/xml.h"

struct volumes;

/* A disk as the reader wants it. */
struct backing {
    struct image_source source; /* borrows from the XML, the volumes and `below` */
    struct image_below *below;  /* owned; for a tag it may borrow `seen` and `seen_format` */
    const char *seen;           /* the file seen below the tag, from the domain's records; NULL for
                                   none */
    char seen_format[32];       /* the format of `seen` */
};

/* Makes the source of a disk with all that its XML says of the chain. source.path is NULL if the
 * disk is on no file. -ENOMEM. */
int backing_of(struct volumes *volumes, const struct xml_disk *disk, struct backing *ret,
               struct err *e);
/* Adds the layers that the XML names below its layer number `from`; 0 = the disk's own file. */
int backing_take_below(struct volumes *volumes, const struct xml_disk *disk, size_t from,
                       struct backing *ret, struct err *e);
void backing_drop(struct backing *b);

#define autobacking __attribute__((cleanup(backing_drop)))

#endif
