/* SPDX-License-Identifier: GPL-3.0-or-later */
/* volumes.h - the files of those volumes of storage pools that a domain's disks are on, which the
 * XML does not name: libvirt is asked, once for each reading of the domain. */
#ifndef SNAPFS_MODEL_STORAGE_VOLUMES_H
#define SNAPFS_MODEL_STORAGE_VOLUMES_H

#include <stdbool.h>

#include "base/error.h"

struct pools;
struct volumes;
struct xml_disk;
struct xml_source;

/* `p` must outlive it. `now`: each is asked now (storage/pools.h). NULL without memory. */
struct volumes *volumes_new(struct pools *p, bool now);
void volumes_free(struct volumes *all); /* NULL allowed */

/* Does libvirt say where that volume is? True of a source that is none. */
bool volumes_knows(struct volumes *all, const struct xml_source *s);

/* EOPNOTSUPP where the disk is on a volume of which libvirt does not say that. */
int volumes_check(struct volumes *all, const struct xml_disk *disk, struct err *e);

/* That refusal of a disk on a volume, with what to do. */
int volumes_refuse(const struct xml_disk *disk, struct err *e);

/* The path of the file or device of a source that is a volume; NULL: it is none, or libvirt knows
 * no path on this host. Borrowed from `all`. */
const char *volumes_path(struct volumes *all, const struct xml_source *s);

/* The same, and the path of a source that is a file; NULL of any other. */
const char *volumes_file(struct volumes *all, const struct xml_source *s);

#endif
