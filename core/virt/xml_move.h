/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_move.h - a document of a snapshot, or a domain, whose bytes stand in other files than before.
 * Pure; owned by the caller.
 *
 * They are made from libvirt's own document with its secrets, and so hold them too. A document with
 * <revertDisks>, which libvirt forgets when it takes the new one, names no overlay at all then: a
 * later revert by libvirt would remove that of a child.
 */
#ifndef SNAPFS_VIRT_XML_MOVE_H
#define SNAPFS_VIRT_XML_MOVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The content of that disk has moved from one file to another. */
struct xml_place {
    const char *target; /* "vda" */
    const char *from, *to;
    const char *format; /* of `to` */
    /* The volume as which the XML may name `from`; NULL: none. */
    const char *pool, *volume;
    bool copied; /* it is in both, and what is below is the same */
};

/* The same snapshot with each disk of its <domain> and <inactiveDomain> that is on the file `from`
 * on `to`, and each chain that goes through `from` through `to`, on which `from` stood before it
 * was merged. Places that it does not have are passed over. */
int xml_move_snapshot(const char *snapshot, const struct xml_place *places, size_t n, char **ret,
                      struct err *e);

/* The same of a <domain>. */
int xml_move_domain(const char *domain, const struct xml_place *places, size_t n, char **ret,
                    struct err *e);

/* The same snapshot that names no file as its overlay. */
int xml_withdraw_snapshot(const char *snapshot, char **ret, struct err *e);

#endif
