/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_backing.h - the chain that counts for a snapshot's image, or for a domain's disk
 * (storage/backing.h). No locks. Reads headers; writes nothing except the kept record of a tag. */
#ifndef SNAPFS_MODEL_READER_IMAGE_BACKING_H
#define SNAPFS_MODEL_READER_IMAGE_BACKING_H

#include "image/layers.h"
#include "image/tags.h"
#include "model/catalog/domain.h"
#include "model/storage/backing.h"

struct model;

/* Makes the source of one image of a snapshot, as backing_of does. If the XML of a snapshot that is
 * a tag does not tell the chain, the file that was seen below the tag counts
 * (reader/tag_backing.h). For a tag that libvirt does not know, the file that was seen comes first.
 * Next comes the chain of a disk of the domain, or of a snapshot, that has the tag's file. */
int backing_of_image(struct domain *d, const struct snapshot *s, const struct snapshot_disk *disk,
                     struct backing *ret, struct err *e);

/* Keeps which file is now below the file of a tag that libvirt does not know. An XML tells it, or
 * else the header. `table` is the tag table of the file. */
void backing_note_untracked(struct model *m, struct domain *d, const char *target, const char *path,
                            const struct image_tag *tag, const struct image_tags *table);

/* Reads the layers of the chain that counts for a disk in the XML of snapshot `s`. If `s` is NULL,
 * the disk is in the domain's XML. snapfs may look at any file, except files inside a snapfs mount.
 * The chain has to be whole.
 * The caller frees the layers with image_layers_free. */
int backing_layers(const struct domain *d, const struct snapshot *s, const struct xml_disk *disk,
                   struct image_layer **ret, size_t *ret_n, struct err *e);

#endif
