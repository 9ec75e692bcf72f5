/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xml_move.h - changes the document of a snapshot, or a domain, whose data is now in other files.
 * Pure; the caller owns the result. The documents are made from libvirt's own document with its
 * secrets, and so have them too.
 *
 * libvirt forgets <revertDisks> when it takes a new document. A later revert by libvirt would then
 * remove a child's overlay. So a document that had <revertDisks> names no overlay at all.
 */
#ifndef SNAPFS_VIRT_XML_MOVE_H
#define SNAPFS_VIRT_XML_MOVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The data of that disk has moved from one file to another. */
struct xml_place {
    const char *target; /* "vda" */
    const char *from, *to;
    const char *format; /* of `to` */
    /* The volume by which the XML may name `from`; NULL: none. */
    const char *pool, *volume;
    bool copied; /* both files have the data, and the same layers below */
};

/* Writes the same snapshot with other files. Each disk of its <domain> and <inactiveDomain> that is
 * on `from` is then on `to`. Each chain through `from` then goes through `to`, which was below
 * `from` before the merge. Places that the snapshot does not have are ignored. */
int xml_move_snapshot(const char *snapshot, const struct xml_place *places, size_t n, char **ret,
                      struct err *e);

/* Does the same with a <domain>. */
int xml_move_domain(const char *domain, const struct xml_place *places, size_t n, char **ret,
                    struct err *e);

/* Writes the same snapshot with overlay names that no file has. */
int xml_withdraw_snapshot(const char *snapshot, char **ret, struct err *e);

#endif
