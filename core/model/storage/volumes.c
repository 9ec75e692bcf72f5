/* SPDX-License-Identifier: GPL-3.0-or-later */
/* volumes.c - see storage/volumes.h. The lock guards the list. An item never changes. No thread
 * holds the lock while it asks libvirt.
 */
#include "model/storage/volumes.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/storage/pools.h"
#include "virt/xml.h"

struct volume {
    struct volume *next;
    char *pool, *name;
    char *path; /* or a name in a network pool; NULL: not known */
};

struct volumes {
    struct pools *pools;
    uint64_t since;
    bool now;
    pthread_mutex_t lock;
    struct volume *first;
};

struct volumes *volumes_new(struct pools *p, bool now)
{
    struct volumes *all = calloc(1, sizeof(*all));
    if (!all)
        return NULL;
    all->pools = p;
    all->since = clock_ns();
    all->now = now;
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

static void volume_free(struct volume *x)
{
    if (!x)
        return;
    free(x->pool);
    free(x->name);
    free(x->path);
    free(x);
}
MEM_CLEANUP(struct volume, volume_free)

void volumes_free(struct volumes *all)
{
    if (!all)
        return;
    while (all->first) {
        struct volume *next = all->first->next;
        volume_free(all->first);
        all->first = next;
    }
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static const struct volume *find(const struct volumes *all, const struct xml_source *s)
{
    const struct volume *x = all->first;
    while (x && (strcmp(x->pool, s->pool) != 0 || strcmp(x->name, s->volume) != 0))
        x = x->next;
    return x;
}

static struct volume *ask(const struct volumes *all, const struct xml_source *s)
{
    struct volume *x autodestroy(volume_free) = calloc(1, sizeof(*x));
    if (!x)
        return NULL;
    x->pool = strdup(s->pool);
    x->name = strdup(s->volume);
    if (!x->pool || !x->name)
        return NULL;
    x->path = pools_path(all->pools, s->pool, s->volume, all->since, all->now);
    return take(x);
}

/* Adds an answer. Another thread may have asked, too: the first answer stays. */
static const struct volume *add(struct volumes *all, const struct xml_source *s, struct volume *x)
{
    pthread_mutex_lock(&all->lock);
    const struct volume *found = find(all, s);
    if (!found) {
        x->next = all->first;
        found = all->first = x;
    }
    pthread_mutex_unlock(&all->lock);
    if (found != x)
        volume_free(x);
    return found;
}

static const struct volume *look_up(struct volumes *all, const struct xml_source *s)
{
    if (!s->pool || !s->volume)
        return NULL;
    pthread_mutex_lock(&all->lock);
    const struct volume *found = find(all, s);
    pthread_mutex_unlock(&all->lock);
    struct volume *asked = found ? NULL : ask(all, s);
    if (asked)
        found = add(all, s, asked);
    return found;
}

bool volumes_knows(struct volumes *all, const struct xml_source *s)
{
    const struct volume *x = look_up(all, s);
    return !s->volume || (x && x->path);
}

int volumes_refuse(const struct xml_disk *disk, struct err *e)
{
    return err_fail(
        e, EOPNOTSUPP,
        "disk '%s' is volume '%s' of pool '%s', for which libvirt gives no path on this "
        "host: is the pool active, and refreshed since the volume was made?",
        disk->target, disk->source.volume, disk->source.pool);
}

int volumes_check(struct volumes *all, const struct xml_disk *disk, struct err *e)
{
    return volumes_knows(all, &disk->source) ? 0 : volumes_refuse(disk, e);
}

/* Returns the volume's path. A volume of a network pool has a name instead of a path. */
const char *volumes_path(struct volumes *all, const struct xml_source *s)
{
    const struct volume *x = look_up(all, s);
    return x && x->path && x->path[0] == '/' ? x->path : NULL;
}

const char *volumes_file(struct volumes *all, const struct xml_source *s)
{
    return strcmp(s->type, "file") == 0 ? s->path : volumes_path(all, s);
}
