/* SPDX-License-Identifier: GPL-3.0-or-later */
/* identify.h - finds out what a disk of a snapshot holds, when the domain is read. */
#ifndef SNAPFS_MODEL_CATALOG_IDENTIFY_H
#define SNAPFS_MODEL_CATALOG_IDENTIFY_H

#include "model/catalog/domain.h"

/* Sets disk->ident and, if the bytes cannot be found, disk->no and reason. A domain_identify_fn
 * (catalog/domain.h) whose ctx is a struct tag_tables (catalog/tag_tables.h). */
int images_identify(void *ctx, const struct snapshot *s, struct snapshot_disk *disk, struct err *e);

#endif
