/* SPDX-License-Identifier: GPL-3.0-or-later */
/* uuid_table.h - things of which each domain has one, found by the domain's uuid.
 *
 * A thing has a `struct uuid_item` as its first member. It lives while somebody holds it, and until
 * a prune finds that its domain is gone. The caller locks.
 */
#ifndef SNAPFS_BASE_UUID_TABLE_H
#define SNAPFS_BASE_UUID_TABLE_H

#include <stdbool.h>

#include "base/uuid.h"

enum { UUID_BUCKETS = 1024 };

struct uuid_item {
    struct uuid_item *next;
    char uuid[UUID_LEN + 1];
    unsigned users; /* how many hold it */
    bool listed;    /* the prune under way keeps it */
};

struct uuid_table {
    struct uuid_item *(*make)(void);      /* NULL without memory */
    void (*drop)(struct uuid_item *item); /* frees it */
    struct uuid_item *buckets[UUID_BUCKETS];
};

/* The item of that domain, made when there is none, with one user more; NULL without memory. */
struct uuid_item *uuid_table_hold(struct uuid_table *t, const char *uuid);

/* The next prune keeps the item of that domain, if there is one. */
void uuid_table_list(struct uuid_table *t, const char *uuid);
/* Drops all items that are not listed and that nobody holds. */
void uuid_table_prune(struct uuid_table *t);

/* Drops all. */
void uuid_table_clear(struct uuid_table *t);

/* Calls `see` with each item until it answers false. */
void uuid_table_each(struct uuid_table *t, bool (*see)(void *ctx, struct uuid_item *item),
                     void *ctx);

#endif
