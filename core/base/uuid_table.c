/* SPDX-License-Identifier: GPL-3.0-or-later */
/* uuid_table.c - see uuid_table.h. */
#include "base/uuid_table.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

static struct uuid_item **bucket_of(struct uuid_table *t, const char *uuid)
{
    return &t->buckets[hash_end(hash_str(HASH_START, uuid)) % UUID_BUCKETS];
}

static struct uuid_item *find(struct uuid_table *t, const char *uuid)
{
    struct uuid_item *x = *bucket_of(t, uuid);
    while (x && strcmp(x->uuid, uuid) != 0)
        x = x->next;
    return x;
}

struct uuid_item *uuid_table_hold(struct uuid_table *t, const char *uuid)
{
    struct uuid_item *x = find(t, uuid);
    if (!x && (x = t->make())) {
        struct uuid_item **bucket = bucket_of(t, uuid);
        snprintf(x->uuid, sizeof(x->uuid), "%s", uuid);
        x->next = *bucket;
        *bucket = x;
    }
    if (x)
        x->users++;
    return x;
}

void uuid_table_list(struct uuid_table *t, const char *uuid)
{
    struct uuid_item *x = find(t, uuid);
    if (x)
        x->listed = true;
}

static void drop_bucket(struct uuid_table *t, struct uuid_item **at, bool all)
{
    while (*at) {
        struct uuid_item *x = *at;
        bool keep = !all && (x->users || x->listed);
        x->listed = false;
        if (keep) {
            at = &x->next;
        } else {
            *at = x->next;
            t->drop(x);
        }
    }
}

void uuid_table_prune(struct uuid_table *t)
{
    for (size_t i = 0; i < UUID_BUCKETS; i++)
        drop_bucket(t, &t->buckets[i], false);
}

void uuid_table_clear(struct uuid_table *t)
{
    for (size_t i = 0; i < UUID_BUCKETS; i++)
        drop_bucket(t, &t->buckets[i], true);
}

void uuid_table_each(struct uuid_table *t, bool (*see)(void *ctx, struct uuid_item *item),
                     void *ctx)
{
    for (size_t i = 0; i < UUID_BUCKETS; i++)
        for (struct uuid_item *x = t->buckets[i]; x; x = x->next)
            if (!see(ctx, x))
                return;
}
