/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tag_tables.h - the snapshot tables of the files that one reading of a domain meets, each read
 * once, so that a file with a thousand tags is; and the identities of the disks that are in them.
 */
#ifndef SNAPFS_MODEL_CATALOG_TAG_TABLES_H
#define SNAPFS_MODEL_CATALOG_TAG_TABLES_H

#include "image/image.h"
#include "model/catalog/domain.h"

struct model;

struct mounts;
struct tag_tables;
struct tag_tables *tag_tables_new(const struct model *m); /* NULL without memory */
void tag_tables_free(struct tag_tables *t);               /* NULL allowed */
MEM_CLEANUP(struct tag_tables, tag_tables_free)

/* The mounts as they were when `t` was made; borrowed. */
const struct mounts *tag_tables_mounts(const struct tag_tables *t);

/* Are the files of libvirt's daemon not ours to see? */
bool tag_tables_elsewhere(const struct tag_tables *t);

/* The table of one file, owned by `all`; -errno when it cannot be read. */
int tag_tables_get(struct tag_tables *all, const char *path, const char *fmt,
                   const struct image_tags **ret, struct err *e);

/* Sets path and format of an internal memory to those of the disk of `s` that QEMU saved it in: the
 * one whose tag has any. ENOENT: none has, and memory->absent is set if all could be read. */
int tag_tables_find_memory(struct tag_tables *all, const struct snapshot *s,
                           struct snapshot_disk *memory, struct err *e);

/* Sets disk->ident and state from the file's identity or its tag's. ENOENT, EINVAL, EOPNOTSUPP and
 * what image_tags_read says when that cannot be found out. */
int tag_tables_identify(struct tag_tables *all, struct snapshot_disk *disk, struct err *e);

#endif
