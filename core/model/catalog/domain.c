/* SPDX-License-Identifier: GPL-3.0-or-later */
/* domain.c - one domain's tree of snapshots as an immutable value. See
 * catalog/domain.h.
 *
 * No locks: the value is only read; the count is atomic.
 */
#include "model/catalog/domain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/budget.h"
#include "base/hash.h"
#include "base/name.h"
#include "model/catalog/tag_dirs.h"
#include "model/journal/kept.h"
#include "model/storage/volumes.h"
#include "virt/xml.h"

struct domain *domain_ref(struct domain *d)
{
    __atomic_add_fetch(&d->refs, 1, __ATOMIC_RELAXED);
    return d;
}

static void snapshot_clear(struct snapshot *s)
{
    for (size_t i = 0; i < s->n_images; i++) {
        free(s->disks[i].target);
        free(s->disks[i].file);
        free(s->disks[i].reason);
    }
    free(s->disks);
    if (s->doc)
        document_unref((struct snapshot_doc *)(uintptr_t)s->doc);
}

void domain_unref(struct domain *d)
{
    if (!d || __atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; d->all && i < d->n; i++)
        snapshot_clear(&d->all[i]);
    for (size_t i = 0; i < DOMAIN_SLOTS; i++)
        if (d->slots[i].value)
            d->slots[i].kind->drop(d->slots[i].value);
    volumes_free(d->volumes);
    kept_unref(d->kept);
    free(d->all);
    free(d->by_coded);
    free(d->by_ident);
    free(d->by_name);
    free(d->links);
    free(d->name);
    free(d->coded);
    budget_give(d->counted);
    free(d->xml);
    free(d);
}

/* ---- finding ---- */

int domain_cmp_coded(const void *a, const void *b)
{
    return strcmp((*(struct snapshot *const *)a)->coded, (*(struct snapshot *const *)b)->coded);
}

int domain_cmp_name(const void *a, const void *b)
{
    return strcmp((*(struct snapshot *const *)a)->name, (*(struct snapshot *const *)b)->name);
}

int domain_cmp_ident(const void *a, const void *b)
{
    uint64_t x = (*(struct snapshot *const *)a)->ident, y = (*(struct snapshot *const *)b)->ident;
    return x < y ? -1 : x > y;
}

static struct snapshot *find(struct snapshot **sorted, size_t n, const struct snapshot *key,
                             int (*cmp)(const void *, const void *))
{
    struct snapshot **hit = n ? bsearch(&key, sorted, n, sizeof(*sorted), cmp) : NULL;
    return hit ? *hit : NULL;
}

const struct snapshot *domain_find_coded(const struct domain *d, const char *coded)
{
    struct snapshot key = {.coded = coded};
    return find(d->by_coded, d->n, &key, domain_cmp_coded);
}

const struct snapshot *domain_find_ident(const struct domain *d, uint64_t ident)
{
    struct snapshot key = {.ident = ident};
    return find(d->by_ident, d->n, &key, domain_cmp_ident);
}

bool snapshot_is_below(const struct snapshot *s, const struct snapshot *above)
{
    for (s = s->parent; s; s = s->parent)
        if (s == above)
            return true;
    return false;
}

const struct snapshot *domain_find_name(const struct domain *d, const char *name)
{
    struct snapshot key = {.name = name};
    return find(d->by_name, d->n, &key, domain_cmp_name);
}

const struct snapshot *domain_find_same(const struct domain *d, const struct snapshot *was)
{
    const struct snapshot *s = domain_find_name(d, was->name);
    return s && s->parsed->created == was->parsed->created ? s : NULL;
}

const struct snapshot_disk *snapshot_find_disk(const struct snapshot *s, const char *file)
{
    for (size_t i = 0; i < s->n_images; i++)
        if (!strcmp(s->disks[i].file, file))
            return &s->disks[i];
    return NULL;
}

const char *snapshot_overlay(const struct snapshot *s, const char *target)
{
    for (size_t i = 0; i < s->parsed->n_disks; i++)
        if (!strcmp(s->parsed->disks[i].target, target))
            return s->parsed->disks[i].overlay.path;
    return NULL;
}

/* ---- the tree's shape ---- */

struct timespec snapshot_seen(const struct snapshot *s)
{
    return s->doc->seen;
}

const char *snapshot_description(const struct snapshot *s)
{
    return s->parsed->description;
}

int64_t snapshot_created(const struct snapshot *s)
{
    return s->untracked_tag ? s->untracked_tag->date : s->parsed->created;
}

void snapshot_path(const struct snapshot *s, struct text *out)
{
    if (!s) {
        text_add(out, "snapshots");
        return;
    }
    const struct snapshot **line = calloc(s->path_depth, sizeof(const struct snapshot *));
    if (!line) {
        out->failed = true;
        return;
    }
    size_t n = 0;
    const struct snapshot *at = s;
    while (n + 1 < s->path_depth) {
        line[n++] = at;
        at = at->parent;
    }
    text_add(out, "%s", line[n - 1]->in_by_name ? "by-name" : "snapshots");
    while (n > 0)
        text_add(out, "/%s", line[--n]->coded);
    free(line);
}

/* ---- disks and identities ---- */

/* Makes "vda.raw". A target is libvirt's own word, but odd characters in it are coded as in any
 * name. */
char *domain_disk_file(const char *target)
{
    autofree char *coded = name_encode(target);
    autotext struct text t = {0};
    text_add(&t, "%s.raw", coded ? coded : "");
    return coded ? text_take(&t, NULL) : NULL;
}

uint64_t domain_name_hash(const char *uuid, const struct snapshot *s)
{
    uint64_t h = hash_str(hash_str(HASH_START, uuid), s->name);
    return hash_u64(h, (uint64_t)s->parsed->created);
}

uint64_t domain_disk_ident(const char *uuid, const struct snapshot *s, const char *target,
                           uint64_t file_hash)
{
    return hash_end(hash_u64(hash_str(domain_name_hash(uuid, s), target), file_hash));
}
