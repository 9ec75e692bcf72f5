/* SPDX-License-Identifier: GPL-3.0-or-later */
/* uuid_table.h - a table with one item for each domain, found by the domain's uuid.
 *
 * An item has a `struct uuid_item` as its first member. The item lives as long as it has users, and
 * until a prune finds that its domain is gone. The caller locks.
 */
#ifndef SNAPFS_BASE_UUID_TABLE_H
#define SNAPFS_BASE_UUID_TABLE_H

#include <stdbool.h>

#include "base/uuid.h"

enum { UUID_BUCKETS = 1024 };

struct uuid_item {
    struct uuid_item *next;
    char uuid[UUID_LEN + 1];
    unsigned users; /* number of users */
    bool listed;    /* the prune under way keeps it */
};

struct uuid_table {
    struct uuid_item *(*make)(void);      /* NULL without memory */
    void (*drop)(struct uuid_item *item); /* frees it */
    struct uuid_item *buckets[UUID_BUCKETS];
};

/* Returns the item of that domain with one more user, and makes the item if there is none. NULL if
 * there is no memory. */
struct uuid_item *uuid_table_hold(struct uuid_table *t, const char *uuid);

/* Makes the next prune keep the item of that domain, if there is one. */
void uuid_table_list(struct uuid_table *t, const char *uuid);
/* Drops all items that are not listed and have no users. */
void uuid_table_prune(struct uuid_table *t);

/* Drops all items. */
void uuid_table_clear(struct uuid_table *t);

/* Calls `see` with each item until `see` returns false. */
void uuid_table_each(struct uuid_table *t, bool (*see)(void *ctx, struct uuid_item *item),
                     void *ctx);

#endif
