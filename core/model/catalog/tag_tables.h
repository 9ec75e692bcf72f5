/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tag_tables.h - the snapshot tables of the files that one reading of a domain meets, and the
 * identities of the disks in these files. snapfs reads each table once, even if the file has a
 * thousand tags. */
#ifndef SNAPFS_MODEL_CATALOG_TAG_TABLES_H
#define SNAPFS_MODEL_CATALOG_TAG_TABLES_H

#include "image/tags.h"
#include "model/catalog/domain.h"

struct model;

struct mounts;
struct tag_tables;
struct tag_tables *tag_tables_new(const struct model *m); /* NULL without memory */
void tag_tables_free(struct tag_tables *t);               /* NULL allowed */
MEM_CLEANUP(struct tag_tables, tag_tables_free)

/* Returns the mounts as they were when `t` was made; borrowed. */
const struct mounts *tag_tables_mounts(const struct tag_tables *t);

/* Returns whether snapfs cannot see the files of libvirt's daemon. */
bool tag_tables_elsewhere(const struct tag_tables *t);

/* Gives the table of one file, owned by `all`. Returns -errno if the table cannot be read. */
int tag_tables_get(struct tag_tables *all, const char *path, const char *fmt,
                   const struct image_tags **ret, struct err *e);

/* Finds the disk of `s` in which QEMU saved an internal memory: the disk whose tag has a memory.
 * Sets path and format of `memory` to those of that disk. If no tag has a memory, it fails with
 * ENOENT, and sets memory->absent if all tables could be read. */
int tag_tables_find_memory(struct tag_tables *all, const struct snapshot *s,
                           struct snapshot_disk *memory, struct err *e);

/* Sets disk->ident and state from the identity of the file or of its tag. If snapfs cannot find out
 * that identity, it fails with ENOENT, EINVAL, EOPNOTSUPP, or the errno of image_tags_read. */
int tag_tables_identify(struct tag_tables *all, struct snapshot_disk *disk, struct err *e);

#endif
