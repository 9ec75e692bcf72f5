/* SPDX-License-Identifier: GPL-3.0-or-later */
/* catalog.h - the domains that were read last: one that is young enough is given out again.
 *
 * model_domain gives a value that is at most `cache` seconds old. The verbs (verbs.h) make changes;
 * the next model_domain sees them. Locks: model/state.h has the order.
 */
#ifndef SNAPFS_MODEL_CATALOG_CATALOG_H
#define SNAPFS_MODEL_CATALOG_CATALOG_H

#include "model/catalog/domain.h"
#include "virt/virt.h"

struct catalog;
struct entry; /* of one domain */

int catalog_new(struct catalog **ret, struct err *e);
void catalog_free(struct catalog *c); /* NULL allowed; drops the kept domains */

/* Gives the domain. If there is no such domain (any more), it fails with ENOENT. */
int model_domain(struct model *m, const char *uuid, struct domain **ret, struct err *e);
/* Gives the last value that was read of the domain, while libvirt is away. Returns false if libvirt
 * is not away, or if no value was read. */
bool model_domain_away(struct model *m, const char *uuid, struct domain **ret);
/* Gives the uuid of the domain of that coded name, by the values that were read last. Returns false
 * in the same cases as model_domain_away. */
bool model_uuid_away(struct model *m, const char *coded, char ret_uuid[37]);
/* Does what model_domain does, but reads from libvirt now, whatever the value's age. */
int model_domain_now(struct model *m, const char *uuid, struct domain **ret, struct err *e);
/* Returns the entry of that domain, and makes it if there is none. Give it back with
 * model_entry_done. NULL without memory. */
struct entry *model_entry(struct model *m, const char *uuid);
void model_entry_done(struct model *m, struct entry *en);

/* Returns the last value that was read of the domain, of any age. The caller drops the reference.
 * Returns NULL if no value was read. */
struct domain *entry_latest(struct model *m, const struct entry *en);

/* Notes a change of this domain. Every value that was read before, or is being read now, counts as
 * old. */
void model_changed(struct model *m, struct entry *en);
/* Does the same for a domain by its uuid. */
void model_changed_uuid(struct model *m, const char *uuid);

/* Counts the changes that this process made, to any domain. */
uint64_t model_changes(struct model *m);

/* Calls `see` with the kept value of each domain, under catalog->lock. */
void catalog_each(struct model *m, void (*see)(void *ctx, const struct domain *d), void *ctx);

/* Forgets the domains that are not among `all`, so that a stranger who makes and undefines domains
 * does not fill snapfs's memory. */
void model_prune(struct model *m, const struct virt_domain *all, size_t n);

#endif
