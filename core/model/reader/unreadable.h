/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unreadable.h - the images that cannot be read now. For each such image, the program's log has a
 * line when the state begins, and a line when it ends. */
#ifndef SNAPFS_MODEL_READER_UNREADABLE_H
#define SNAPFS_MODEL_READER_UNREADABLE_H

#include "model/catalog/domain.h"

struct model;

enum { UNREADABLE_MAX = 4096 /* images that snapfs remembers; the log names no further ones */ };

struct unreadable;

struct unreadable *unreadable_new(void);    /* NULL without memory */
void unreadable_free(struct unreadable *u); /* NULL allowed */

/* Notes the result of a look at an image: `failure`, or NULL if the image can be read. */
void unreadable_note(struct model *m, const struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, const struct err *failure);

#endif
