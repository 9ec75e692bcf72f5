/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_images.h - the images that are open in this mount, by snapshot.
 *
 * A delete would cut off the readers of open images, so it lists the images and names them in its
 * refusal. Marks (open_marks.h) tell of images that are open in other mounts of the host. All
 * functions may be called from any thread.
 */
#ifndef SNAPFS_MODEL_READER_OPEN_IMAGES_H
#define SNAPFS_MODEL_READER_OPEN_IMAGES_H

#include <stdatomic.h>
#include <sys/types.h>

#include "model/catalog/domain.h"
#include "model/reader/open_files.h"

struct model;

struct image;
struct open_images; /* of one model */
struct open_image;  /* one of them, from its open to its close */

struct open_images *open_images_new(void);    /* NULL without memory */
void open_images_free(struct open_images *a); /* NULL allowed; none is open any more */

/* Notes that an image of `disk` is about to be opened. *ret is the caller's. EBUSY: the snapshot is
 * being deleted. */
int open_image_begin(struct model *m, const struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, const struct image_opener *who,
                     struct open_image **ret, struct err *e);
void open_image_end(struct open_image *o); /* NULL allowed */
MEM_CLEANUP(struct open_image, open_image_end)

/* Returns whether a delete by this mount has removed the snapshot although the image was open. */
bool open_image_is_gone(const struct open_image *o);

/* Lists the snapshot's images that are open in this mount; none for tags that libvirt does not
 * know. */
int open_images_list(struct model *m, const struct domain *d, const struct snapshot *s,
                     struct open_files *ret, struct err *e);

/* Notes that a delete by this mount has removed the snapshot: its readers get ESTALE from now
 * on. */
void open_images_gone(struct model *m, const struct domain *d, const struct snapshot *s);

#endif
