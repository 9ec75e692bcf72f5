/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activity.c - see activity/activity.h. */
#include "model/activity/activity.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/lock.h"

static struct work *of(struct uuid_item *item)
{
    return (struct work *)item;
}

static struct uuid_item *work_new(void)
{
    struct work *w = calloc(1, sizeof(*w));
    return w ? &w->item : NULL;
}

static void work_drop(struct uuid_item *item)
{
    oplog_clear(&of(item)->log);
    free(of(item));
}

struct activity *activity_new(void)
{
    struct activity *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->turned, NULL);
    a->works = (struct uuid_table){.make = work_new, .drop = work_drop};
    return a;
}

void activity_free(struct activity *a)
{
    if (!a)
        return;
    uuid_table_clear(&a->works);
    pthread_cond_destroy(&a->turned);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

bool activity_wait(struct activity *a, uint64_t until_ns)
{
    return clock_wait(&a->turned, &a->lock, until_ns);
}

struct work *work_get(struct activity *a, const char *uuid)
{
    pthread_mutex_lock(&a->lock);
    struct uuid_item *item = uuid_table_hold(&a->works, uuid);
    pthread_mutex_unlock(&a->lock);
    return item ? of(item) : NULL;
}

void work_done(struct activity *a, struct work *w)
{
    autolock(&a->lock);
    w->item.users--;
}

void activity_prune(struct activity *a, const struct virt_domain *all, size_t n)
{
    autolock(&a->lock);
    for (size_t i = 0; i < n; i++)
        uuid_table_list(&a->works, all[i].uuid);
    uuid_table_prune(&a->works);
}
