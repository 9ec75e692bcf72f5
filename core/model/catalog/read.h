/* SPDX-License-Identifier: GPL-3.0-or-later */
/* read.h - one reading of a domain from libvirt. */
#ifndef SNAPFS_MODEL_CATALOG_READ_H
#define SNAPFS_MODEL_CATALOG_READ_H

#include "model/catalog/domain.h"

/* Reads the domain as libvirt has it. Takes from `before` (may be NULL) the parts that are known to
 * be unchanged; with `now` asks libvirt for all of it. */
int domain_read(struct model *m, const char *uuid, const struct domain *before, bool now,
                struct domain **ret, struct err *e);

#endif
