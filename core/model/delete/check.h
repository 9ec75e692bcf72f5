/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.h - whether a snapshot may be deleted, and by which call. See change/guard.h. */
#ifndef SNAPFS_MODEL_DELETE_CHECK_H
#define SNAPFS_MODEL_DELETE_CHECK_H

#include "model/graph/survey.h"

/* Checks whether the snapshot may be deleted. *ret_native: libvirt's own call deletes it, because
 * it is internal and its disks are within the call's reach. Otherwise, and with `metadata`, libvirt
 * is only to forget it. */
int guard_delete(const struct survey *v, const struct domain *d, const struct snapshot *s,
                 bool metadata, bool *ret_native, struct err *e);

#endif
