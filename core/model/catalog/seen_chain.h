/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seen_chain.h - the files that libvirt named as backing files while a domain ran.
 *
 * If a domain is shut off, libvirt 9.0 names only the top of a disk's chain. snapfs keeps the files
 * that libvirt named while the domain ran (journal/keep_later.h), so that the domain's images can
 * be read then, too.
 */
#ifndef SNAPFS_MODEL_CATALOG_SEEN_CHAIN_H
#define SNAPFS_MODEL_CATALOG_SEEN_CHAIN_H

#include "model/catalog/domain.h"

struct model;

/* Keeps the files that the XML of a running domain names. `before`: its last value, NULL for
 * none. */
void seen_chain_note(struct model *m, const struct domain *d, const struct domain *before);

/* Calls `each` with the path and format of the files that were seen; format "" if unknown. */
void seen_chain_each(const struct domain *d,
                     void (*each)(void *ctx, const char *path, const char *format), void *ctx);

#endif
