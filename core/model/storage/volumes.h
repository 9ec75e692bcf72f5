/* SPDX-License-Identifier: GPL-3.0-or-later */
/* volumes.h - the files of the storage pool volumes that a domain's disks are on. The XML does not
 * name them, so snapfs asks libvirt, once for each reading of the domain. */
#ifndef SNAPFS_MODEL_STORAGE_VOLUMES_H
#define SNAPFS_MODEL_STORAGE_VOLUMES_H

#include <stdbool.h>

#include "base/error.h"

struct pools;
struct volumes;
struct xml_disk;
struct xml_source;

/* Makes the list. `p` must outlive the list. `now`: asks libvirt for each volume now
 * (storage/pools.h). NULL without memory. */
struct volumes *volumes_new(struct pools *p, bool now);
void volumes_free(struct volumes *all); /* NULL allowed */

/* Returns whether libvirt gives the path of the source's volume. If the source is not a volume,
 * returns true. */
bool volumes_knows(struct volumes *all, const struct xml_source *s);

/* Checks that libvirt gives the path of the disk's volume, if the disk is on a volume; else
 * EOPNOTSUPP. */
int volumes_check(struct volumes *all, const struct xml_disk *disk, struct err *e);

/* Refuses a disk on a volume with EOPNOTSUPP. The message says what to do. */
int volumes_refuse(const struct xml_disk *disk, struct err *e);

/* Returns the path of the file or device of a source that is a volume. Returns NULL if the source
 * is not a volume, or if libvirt knows no path on this host. Borrowed from `all`. */
const char *volumes_path(struct volumes *all, const struct xml_source *s);

/* Returns the path of a source that is a volume (volumes_path) or a file; NULL for any other
 * source. */
const char *volumes_file(struct volumes *all, const struct xml_source *s);

#endif
