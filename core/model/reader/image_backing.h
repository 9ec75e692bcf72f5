/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_backing.h - the chain that counts of a snapshot's image, or of a domain's disk (storage/
 * backing.h). No locks; headers are read, nothing is written but what is kept of a tag. */
#ifndef SNAPFS_MODEL_READER_IMAGE_BACKING_H
#define SNAPFS_MODEL_READER_IMAGE_BACKING_H

#include "model/catalog/domain.h"
#include "model/storage/backing.h"

struct model;

/* The source of one image of a snapshot, as backing_of makes it; of a tag that libvirt does not
 * know that of the chain of the domain's disk, or of a snapshot's, that its file is in. Of a tag
 * whose chain no XML tells the file counts that was seen below it (reader/tag_backing.h). */
int backing_of_image(struct domain *d, const struct snapshot *s, const struct snapshot_disk *disk,
                     struct backing *ret, struct err *e);

/* Keeps what is now below the file of a tag that libvirt does not know, `table` its table: what an
 * XML tells, else what the header says. */
void backing_note_untracked(struct model *m, struct domain *d, const char *target, const char *path,
                            const struct image_tag *tag, const struct image_tags *table);

/* The layers of the chain that counts of a disk in the XML of snapshot `s`, or of the domain
 * (NULL); any file may be looked at but those inside a snapfs mount. To be freed by
 * image_layers_free. It has to be whole. */
int backing_layers(const struct domain *d, const struct snapshot *s, const struct xml_disk *disk,
                   struct image_layer **ret, size_t *ret_n, struct err *e);

#endif
