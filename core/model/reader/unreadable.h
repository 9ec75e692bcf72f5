/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unreadable.h - which images cannot be read now. The program's log says so once when that begins,
 * and once when it ends. */
#ifndef SNAPFS_MODEL_READER_UNREADABLE_H
#define SNAPFS_MODEL_READER_UNREADABLE_H

#include "model/catalog/domain.h"

struct model;

enum { UNREADABLE_MAX = 4096 /* images that are remembered; the log does not name more */ };

struct unreadable;

struct unreadable *unreadable_new(void);    /* NULL without memory */
void unreadable_free(struct unreadable *u); /* NULL allowed */

/* Notes what a look at an image has found: `failure`, or NULL if it can be read. */
void unreadable_note(struct model *m, const struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, const struct err *failure);

#endif
