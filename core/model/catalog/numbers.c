/* SPDX-License-Identifier: GPL-3.0-or-later */
/* numbers.c - see catalog/numbers.h. No locks of its own. */
#include "model/catalog/numbers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "model/catalog/domain.h"
#include "model/journal/keep.h"

#define KIND "number"

enum { KEY_SIZE = 17, VALUE_SIZE = 34 };

/* Makes the key of a record: a hash of the snapshot's name and time and the disk's target. The
 * value is the number and the state. */
static void key_of(const char *uuid, const struct snapshot *s, const char *target,
                   char ret[KEY_SIZE])
{
    snprintf(ret, KEY_SIZE, "%016" PRIx64, domain_disk_ident(uuid, s, target, 0));
}

static void value_of(uint64_t number, uint64_t state, char ret[VALUE_SIZE])
{
    snprintf(ret, VALUE_SIZE, "%016" PRIx64 " %016" PRIx64, number, state);
}

static bool is_of_state(void *ctx, uid_t by, const char *value)
{
    struct snapshot_disk *disk = ctx;
    uint64_t number, state;
    (void)by;
    if (sscanf(value, "%16" SCNx64 " %16" SCNx64, &number, &state) != 2 || state != disk->state)
        return false;
    disk->number = number;
    return true;
}

void numbers_set(const struct kept *kept, const char *uuid, const struct snapshot *s,
                 struct snapshot_disk *disk)
{
    char key[KEY_SIZE];
    const char *of = disk->path ? disk->path : "";
    key_of(uuid, s, disk->target, key);
    if (!kept_find(kept, KIND, key, of, is_of_state, disk))
        disk->number = domain_disk_ident(uuid, s, disk->target, disk->state);
}

/* ---- keeping ---- */

struct pair {
    const struct domain *before, *after;
};

static const struct snapshot_disk *find_target(const struct snapshot *s, const char *target)
{
    for (size_t i = 0; i < s->n_images; i++)
        if (!strcmp(s->disks[i].target, target))
            return &s->disks[i];
    return NULL;
}

/* Returns whether the file had a tag of a snapshot that is deleted now. QEMU writes to the file
 * then, but not to the bytes of others. */
static bool has_lost_tag(const struct pair *p, const char *path)
{
    for (size_t i = 0; i < p->before->n; i++) {
        const struct snapshot *s = &p->before->all[i];
        for (size_t k = 0; k < s->n_disks; k++)
            if (s->disks[k].tag && s->disks[k].path && !strcmp(s->disks[k].path, path) &&
                !domain_find_name(p->after, s->name))
                return true;
    }
    return false;
}

/* Returns whether a snapshot above it has gone. Then its file may have been merged into, or use
 * another file. */
static bool has_lost_ancestor(const struct pair *p, const struct snapshot *was)
{
    while ((was = was->parent))
        if (!domain_find_name(p->after, was->name))
            return true;
    return false;
}

/* Returns whether the change has moved the disk. Another program may change a file meanwhile. So
 * the file has to be one that the change itself exchanged or wrote. */
static bool has_moved(const struct pair *p, const struct snapshot *s,
                      const struct snapshot_disk *was, const struct snapshot_disk *is)
{
    if (!was || was->no || is->no || was->number == is->number || !was->path || !is->path)
        return false;
    return strcmp(was->path, is->path) != 0 || has_lost_ancestor(p, s) || has_lost_tag(p, is->path);
}

static const struct snapshot *same_before(const struct domain *before, const struct snapshot *s)
{
    const struct snapshot *was = domain_find_name(before, s->name);
    return was && snapshot_created(was) == snapshot_created(s) ? was : NULL;
}

static void put_moved(const struct domain *after, const struct snapshot *s,
                      const struct snapshot_disk *was, const struct snapshot_disk *is,
                      struct kept *k)
{
    char key[KEY_SIZE], value[VALUE_SIZE];
    key_of(after->uuid, s, is->target, key);
    value_of(was->number, is->state, value);
    kept_set(k, KIND, key, value);
}

/* Keeps the numbers of all disks that have moved; `k` NULL asks only whether any has. */
static bool each_moved(const struct pair *p, struct kept *k)
{
    bool any = false;
    for (size_t i = 0; i < p->after->n; i++) {
        const struct snapshot *s = &p->after->all[i], *was = same_before(p->before, s);
        for (size_t j = 0; was && j < s->n_images; j++) {
            const struct snapshot_disk *disk = find_target(was, s->disks[j].target);
            if (!has_moved(p, was, disk, &s->disks[j]))
                continue;
            any = true;
            if (k)
                put_moved(p->after, s, disk, &s->disks[j], k);
        }
    }
    return any;
}

static int edit(void *ctx, struct kept *k)
{
    each_moved(ctx, k);
    return 0;
}

void numbers_keep(struct model *m, const struct domain *before, const struct domain *after)
{
    struct pair p = {before, after};
    if (each_moved(&p, NULL))
        keep(m, after->uuid, edit, &p);
}
