/* SPDX-License-Identifier: GPL-3.0-or-later */
/* read.h - one reading of a domain from libvirt. */
#ifndef SNAPFS_MODEL_CATALOG_READ_H
#define SNAPFS_MODEL_CATALOG_READ_H

#include "model/catalog/domain.h"

/* The domain as libvirt has it. What is known to be as it was `before` (may be NULL) is taken from
 * there; with `now` libvirt is asked for all of it. */
int domain_read(struct model *m, const char *uuid, const struct domain *before, bool now,
                struct domain **ret, struct err *e);

#endif
