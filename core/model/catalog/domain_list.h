/* SPDX-License-Identifier: GPL-3.0-or-later */
/* domain_list.h - the list of the domains that are shown. */
#ifndef SNAPFS_MODEL_CATALOG_DOMAIN_LIST_H
#define SNAPFS_MODEL_CATALOG_DOMAIN_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

struct model;
struct list_cache; /* the list that was read last */

struct list_cache *list_cache_new(void);    /* NULL without memory */
void list_cache_free(struct list_cache *l); /* NULL allowed */

struct domain_name {
    char *name, *coded; /* coded: the name of its directory */
    char uuid[37];
};

struct domain_list { /* refcounted, sorted by coded */
    size_t n;
    struct domain_name *items;
    uint64_t fresh_until; /* CLOCK_MONOTONIC, ns */
    unsigned refs;
};

int model_domains(struct model *m, struct domain_list **ret, struct err *e);
void domain_list_unref(struct domain_list *l); /* NULL allowed */
MEM_CLEANUP(struct domain_list, domain_list_unref)

/* Finds the uuid of the domain whose directory is `coded`. The caller may remember the uuid until
 * *ret_until (CLOCK_MONOTONIC, ns). If there is no such domain, it fails with ENOENT. It waits for
 * no other domain: libvirt may be busy with a domain whose disk is on an image in this mount, and
 * libvirt may then wait for this answer. */
int model_domain_find(struct model *m, const char *coded, char ret_uuid[37], uint64_t *ret_until,
                      struct err *e);

/* The prefix of the name of a scratch domain; the uuid of the domain at work follows. A procedure
 * defines a scratch domain for a moment, so that libvirt makes overlays for it. It is not shown. */
#define REVERT_SCRATCH_PREFIX "snapfs-tmp-"

#endif
