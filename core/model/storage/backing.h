/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backing.h - the chain of a disk that counts. Whoever follows or opens the chain of a disk asks
 * here. No locks; headers are read, nothing is written.
 *
 * Of a tag whose chain no XML tells the file counts that was seen below it (tag_backing.h).
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

#include "image/image.h"
#include "model/model.h"
#include "model/reader/tag_backing.h"
#include "virt/xml.h"

struct volumes;

/* A disk as the reader wants it. */
struct backing {
    struct image_source source; /* borrows from the XML and the volumes, and */
    struct image_below *below;  /* this; of a tag also from */
    struct tag_backing seen;    /* what is kept of the domain */
};

/* The source of a disk with all that its XML says of the chain; source.path is NULL where it is on
 * no file. -ENOMEM. */
int backing_of(struct volumes *volumes, const struct xml_disk *disk, struct backing *ret,
               struct err *e);
/* The same of one image of a snapshot, or of a tag that libvirt does not know: of the chain of the
 * domain's disk, or of a snapshot's, that its file is in. */
int backing_of_image(struct domain *d, const struct snapshot *s, const struct snapshot_disk *disk,
                     struct backing *ret, struct err *e);
/* Keeps what is now below the file of a tag that libvirt does not know, `table` its table: what an
 * XML tells, else what the header says. */
void backing_note_stray(struct model *m, struct domain *d, const char *target, const char *path,
                        const struct image_tag *tag, const struct image_tags *table);
void backing_drop(struct backing *b);

#define autobacking __attribute__((cleanup(backing_drop)))

/* The layers of the chain that counts of a disk in the XML of snapshot `s`, or of the domain
 * (NULL); any file may be looked at but those inside a snapfs mount. To be freed by
 * image_layers_free. It has to be whole. */
int backing_layers(const struct domain *d, const struct snapshot *s, const struct xml_disk *disk,
                   struct image_layer **ret, size_t *ret_n, struct err *e);

#endif
