/* SPDX-License-Identifier: GPL-3.0-or-later */
/* away.h - files of a snapshot that are not there now, such as on a file system that is not
 * mounted.
 *
 * A delete could then only have libvirt forget the snapshot. The file would stay for good, and
 * nothing would tell of it any more.
 */
#ifndef SNAPFS_MODEL_DELETE_AWAY_H
#define SNAPFS_MODEL_DELETE_AWAY_H

#include "model/catalog/domain.h"

/* Fails with EBUSY if a disk of the snapshot is in such a file; the message names the ways that are
 * left. */
int away_check(const struct domain *d, const struct snapshot *s, struct err *e);

#endif
