/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seen_chain.h - the files that libvirt named as backing files while a domain ran.
 *
 * Of a domain that is shut off libvirt 9.0 names the top of a disk's chain alone. What it named
 * while the domain ran is kept (journal/keep_later.h), so that the domain's images can be read
 * then, too.
 */
#ifndef SNAPFS_MODEL_CATALOG_SEEN_CHAIN_H
#define SNAPFS_MODEL_CATALOG_SEEN_CHAIN_H

#include "model/catalog/domain.h"

struct model;

/* Keeps what the XML of a domain that runs names. `before`: its last value, NULL for none. */
void seen_chain_note(struct model *m, const struct domain *d, const struct domain *before);

/* Calls `each` with the path and format of the files that were seen; format "" when unknown. */
void seen_chain_each(const struct domain *d,
                     void (*each)(void *ctx, const char *path, const char *format), void *ctx);

#endif
