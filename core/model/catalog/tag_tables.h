/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tag_tables.h - the snapshot tables of the files that one reading of a domain meets, and the
 * identities of the disks in them. Each table is read once, also that of a file with a thousand
 * tags. */
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

/* Gives the table of one file, owned by `all`; -errno if it cannot be read. */
int tag_tables_get(struct tag_tables *all, const char *path, const char *fmt,
                   const struct image_tags **ret, struct err *e);

/* Sets path and format of an internal memory to those of the disk of `s` in which QEMU saved it:
 * the one whose tag has any. ENOENT: none has; memory->absent is set if all could be read. */
int tag_tables_find_memory(struct tag_tables *all, const struct snapshot *s,
                           struct snapshot_disk *memory, struct err *e);

/* Sets disk->ident and state from the identity of the file or of its tag. ENOENT, EINVAL,
 * EOPNOTSUPP, or the errno of image_tags_read, if that cannot be found out. */
int tag_tables_identify(struct tag_tables *all, struct snapshot_disk *disk, struct err *e);

#endif
