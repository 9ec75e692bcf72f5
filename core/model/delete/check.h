/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.h - may a snapshot be deleted, and by whom? See change/guard.h. */
#ifndef SNAPFS_MODEL_DELETE_CHECK_H
#define SNAPFS_MODEL_DELETE_CHECK_H

#include "model/graph/survey.h"

/* *ret_native: by libvirt's own call, which deletes an internal one where the disks are within its
 * reach; else, and with `metadata`, libvirt is only to forget it. */
int guard_delete(const struct survey *v, const struct domain *d, const struct snapshot *s,
                 bool metadata, bool *ret_native, struct err *e);

#endif
