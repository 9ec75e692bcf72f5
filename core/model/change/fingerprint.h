/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fingerprint.h - hashes of the state that a procedure relies on. A hash stays equal as long as the
 * state does not change. Pure. */
#ifndef SNAPFS_MODEL_CHANGE_FINGERPRINT_H
#define SNAPFS_MODEL_CHANGE_FINGERPRINT_H

#include "model/catalog/domain.h"

/* Hashes a domain's disks and the files they are on, in any order. */
int fingerprint_config(const char *xml, uint64_t *ret, struct err *e);

/* Hashes the snapshots' names, times and parents. */
uint64_t fingerprint_snapshots(const struct domain *d);

#endif
