/* SPDX-License-Identifier: GPL-3.0-or-later */
/* domain_build.c - see catalog/domain_build.h.
 *
 * No locks: built by one thread, then only read.
 */
#include "model/catalog/domain_build.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/budget.h"
#include "base/hash.h"
#include "base/name.h"
#include "model/catalog/numbers.h"
#include "model/storage/source.h"
#include "model/storage/volumes.h"
#include "virt/xml.h"

enum {
    SNAPSHOT_SIZE =
        sizeof(struct snapshot) + 8 * sizeof(void *), /* with the arrays that point to it */
    IMAGE_SIZE = sizeof(struct snapshot_disk) + 160   /* with its strings, and its probe */
};

/* ---- the tree's shape ---- */

/* Links each snapshot to its parent. If the parent is not there, or is above itself, the snapshot
 * is a root. */
static int link_parents(struct domain *d)
{
    autofree size_t *mark = calloc(d->n + 1, sizeof(*mark));
    if (!mark)
        return -1;
    for (size_t i = 0; i < d->n; i++) {
        const char *parent = d->all[i].parsed->parent;
        d->all[i].parent =
            parent ? (struct snapshot *)(uintptr_t)domain_find_name(d, parent) : NULL;
    }
    for (size_t i = 0; i < d->n; i++)
        for (struct snapshot *s = &d->all[i]; s && mark[s - d->all] != i + 1; s = s->parent) {
            if (mark[s - d->all])
                break;
            mark[s - d->all] = i + 1;
            if (s->parent && mark[s->parent - d->all] == i + 1)
                s->parent = NULL;
        }
    return 0;
}

/* Fills roots and children, sorted, all in one array of n pointers. */
static void link_children(struct domain *d)
{
    for (size_t i = 0; i < d->n; i++) {
        if (d->all[i].parent)
            d->all[i].parent->n_children++;
        else
            d->n_roots++;
    }
    struct snapshot **at = d->links;
    d->roots = at;
    at += d->n_roots;
    for (size_t i = 0; i < d->n; i++) {
        d->all[i].children = at;
        at += d->all[i].n_children;
        d->all[i].n_children = 0;
    }
    d->n_roots = 0;
    for (size_t i = 0; i < d->n; i++) {
        struct snapshot *s = d->by_coded[i];
        if (s->parent)
            s->parent->children[s->parent->n_children++] = s;
        else
            d->roots[d->n_roots++] = s;
    }
}

static void place(struct snapshot *s, bool flat)
{
    size_t base = s->parent ? s->parent->path_len : strlen("snapshots");
    s->path_depth = s->parent ? s->parent->path_depth + 1 : 2;
    s->path_len = base + 1 + strlen(s->coded);
    if (flat || s->path_len + DOMAIN_ENTRY_ROOM > DOMAIN_PATH_MAX) {
        s->in_by_name = true;
        s->path_len = strlen("by-name/") + strlen(s->coded);
        s->path_depth = 2;
    }
}

/* Gives each snapshot its path, parents before children, and counts descendants on the way back. */
static int place_all(struct domain *d, bool flat)
{
    autofree struct snapshot **queue = calloc(d->n + 1, sizeof(*queue));
    if (!queue)
        return -1;
    size_t head = 0, tail = 0;
    for (size_t i = 0; i < d->n_roots; i++)
        queue[tail++] = d->roots[i];
    while (head < tail) {
        struct snapshot *s = queue[head++];
        place(s, flat);
        for (size_t i = 0; i < s->n_children; i++)
            queue[tail++] = s->children[i];
    }
    while (tail-- > 0)
        if (queue[tail]->parent)
            queue[tail]->parent->n_descendants += queue[tail]->n_descendants + 1;
    return 0;
}

static int sort_into(struct domain *d, struct snapshot ***ret,
                     int (*cmp)(const void *, const void *))
{
    *ret = calloc(d->n + 1, sizeof(**ret));
    if (!*ret)
        return -1;
    for (size_t i = 0; i < d->n; i++)
        (*ret)[i] = &d->all[i];
    qsort(*ret, d->n, sizeof(**ret), cmp);
    return 0;
}

/* ---- disks and identities ---- */

static int cmp_disk(const void *a, const void *b)
{
    return strcmp(((const struct snapshot_disk *)a)->target,
                  ((const struct snapshot_disk *)b)->target);
}

static int disk_fill(struct volumes *volumes, const struct snapshot *s,
                     const struct xml_snapshot_disk *x, struct snapshot_disk *disk)
{
    const struct xml_disk *then =
        s->parsed->domain ? xml_domain_disk(s->parsed->domain, x->target) : NULL;
    disk->target = strdup(x->target);
    disk->file = domain_disk_file(x->target);
    disk->path = then ? policy_path(volumes, &then->source) : NULL;
    disk->format = then ? policy_format(&then->source) : NULL;
    disk->tag = x->where == XML_INTERNAL ? s->name : NULL;
    return disk->target && disk->file ? 0 : -1;
}

/* Fills in the memory. If it is internal, its file is found out with its identity
 * (reader/open.c). */
static int memory_fill(const struct snapshot *s, struct snapshot_disk *memory)
{
    bool internal = s->parsed->memory == XML_INTERNAL;
    *memory = (struct snapshot_disk){
        .target = strdup("memory"),
        .file = strdup("memory"),
        .path = internal ? NULL : s->parsed->memory_file,
        .format = internal ? NULL : "raw",
        .tag = internal ? s->name : NULL,
        .memory = true,
    };
    return memory->target && memory->file ? 0 : -1;
}

static int fill_disks(struct volumes *volumes, struct snapshot *s, size_t *probe)
{
    enum xml_where memory = s->parsed->memory;
    s->disks = calloc(s->parsed->n_disks + 2, sizeof(*s->disks));
    if (!s->disks)
        return -1;
    for (size_t i = 0; i < s->parsed->n_disks; i++) {
        const struct xml_snapshot_disk *x = &s->parsed->disks[i];
        if (x->where != XML_INTERNAL && x->where != XML_EXTERNAL)
            continue;
        s->n_images++;
        if (disk_fill(volumes, s, x, &s->disks[s->n_disks++]) < 0)
            return -1;
    }
    qsort(s->disks, s->n_disks, sizeof(*s->disks), cmp_disk);
    if ((memory == XML_INTERNAL || memory == XML_EXTERNAL) &&
        memory_fill(s, &s->disks[s->n_images++]) < 0)
        return -1;
    for (size_t i = 0; i < s->n_images; i++)
        s->disks[i].probe = (*probe)++;
    return 0;
}

static int identify_all(struct domain *d, domain_identify_fn identify, void *ctx, struct err *e)
{
    for (size_t i = 0; i < d->n; i++) {
        struct snapshot *s = &d->all[i];
        uint64_t h = domain_name_hash(d->uuid, s), number = h;
        for (size_t k = 0; k < s->n_images; k++) {
            struct snapshot_disk *disk = &s->disks[k];
            int r = identify(ctx, s, disk, e);
            if (r < 0)
                return r;
            disk->ident = domain_disk_ident(d->uuid, s, disk->target, disk->ident);
            numbers_set(d->kept, d->uuid, s, disk);
            if (disk->memory)
                continue;
            h = hash_u64(h, disk->ident);
            number = hash_u64(number, disk->number);
        }
        s->ident = hash_end(h);
        s->number = hash_end(number);
    }
    return 0;
}

/* Refuses snapshots that a delete left half merged. A delete that was cut off leaves the snapshot
 * listed and a mark on its parent. The snapshot's file is then half merged with later data. If a
 * snapshot has no parent, there is no mark. */
static int refuse_half_merged(struct domain *d)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct snapshot *s = &d->all[i];
        bool marked = s->parent && s->parent->parsed->delete_in_progress;
        for (size_t k = 0; marked && k < s->n_disks; k++) {
            struct snapshot_disk *disk = &s->disks[k];
            if (disk->tag || disk->no)
                continue;
            disk->no = EIO;
            disk->reason = strdup("a delete of the snapshot was cut off, and its file is half "
                                  "merged; delete the snapshot again to finish the merge");
            if (!disk->reason)
                return -1;
        }
    }
    return 0;
}

/* ---- all together ---- */

static int fill_snapshots(struct domain *d, struct domain_parts *parts, size_t *probes)
{
    d->all = calloc(parts->n + 1, sizeof(*d->all));
    d->links = calloc(parts->n + 1, sizeof(*d->links));
    if (!d->all || !d->links)
        return -1;
    for (size_t i = 0; i < parts->n; i++) {
        struct snapshot *s = &d->all[d->n++];
        s->doc = document_ref(parts->docs[i]);
        s->name = s->doc->name;
        s->coded = s->doc->coded;
        s->xml = s->doc->xml;
        s->xml_len = s->doc->xml_len;
        s->parsed = s->doc->parsed;
        if (fill_disks(d->volumes, s, probes) < 0)
            return -1;
    }
    return 0;
}

static int shape(struct domain *d, const char *current, bool flat)
{
    if (sort_into(d, &d->by_coded, domain_cmp_coded) < 0 ||
        sort_into(d, &d->by_name, domain_cmp_name) < 0)
        return -1;
    if (link_parents(d) < 0)
        return -1;
    link_children(d);
    d->current = current ? (struct snapshot *)(uintptr_t)domain_find_name(d, current) : NULL;
    return place_all(d, flat);
}

/* Makes the fingerprint. A document of the same XML is the same document (catalog/document.h). */
static uint64_t fingerprint_of(const struct domain *d)
{
    uint64_t h = hash_str(hash_str(HASH_START, d->xml), d->state);
    h = hash_str(h, d->current ? d->current->name : "");
    for (size_t i = 0; i < d->n; i++) {
        h = hash_u64(hash_u64(h, d->all[i].ident), (uintptr_t)d->all[i].doc);
        for (size_t k = 0; k < d->all[i].n_images; k++) {
            h = hash_u64(h, (uint64_t)d->all[i].disks[k].no);
            h = hash_u64(h, d->all[i].disks[k].ident);
            h = hash_u64(h, d->all[i].disks[k].number);
        }
    }
    return hash_end(h);
}

static int make_slots(struct domain *d, const struct slot_kind *const *kinds)
{
    for (size_t i = 0; kinds && i < DOMAIN_SLOTS; i++) {
        d->slots[i] = (struct domain_slot){kinds[i]->make(d), kinds[i]};
        if (!d->slots[i].value)
            return -1;
    }
    return 0;
}

/* Counts the domain's memory in the budget, without the documents, which others have as well. */
static int count_memory(struct domain *d, const struct domain_parts *parts, struct err *e)
{
    size_t images = 0;
    for (size_t i = 0; i < parts->n; i++)
        images += parts->docs[i]->parsed->n_disks + 1;
    uint64_t size = strlen(parts->xml) + parts->n * SNAPSHOT_SIZE + images * IMAGE_SIZE;
    int r = budget_take(size, e);
    d->counted = r < 0 ? 0 : size;
    return r;
}

int domain_build(struct domain_parts *parts, domain_identify_fn identify, void *ctx,
                 struct domain **ret, struct err *e)
{
    struct domain *d autodestroy(domain_unref) = calloc(1, sizeof(*d));
    if (!d)
        return err_nomem(e);
    d->refs = 1;
    d->name = strdup(parts->id->name);
    d->coded = name_encode(parts->id->name);
    snprintf(d->uuid, sizeof(d->uuid), "%s", parts->id->uuid);
    d->state = parts->status->state;
    d->active = parts->status->active;
    d->forgets_alone = parts->forgets_alone;
    d->persistent = parts->status->persistent;
    d->n_unreadable = parts->n_unreadable;
    d->n_listed = parts->n_listed;
    d->stamp = parts->stamp;
    d->ident = hash_end(hash_str(HASH_START, d->uuid));
    d->volumes = take(parts->volumes);
    d->kept = parts->kept ? kept_ref(parts->kept) : NULL;
    size_t probes = 0;
    int r = count_memory(d, parts, e);
    if (r < 0)
        return r;
    if (!d->name || !d->coded || fill_snapshots(d, parts, &probes) < 0 ||
        shape(d, parts->current, parts->flat) < 0)
        return err_nomem(e);
    r = identify_all(d, identify, ctx, e);
    if (r < 0)
        return r;
    if (make_slots(d, parts->slots) < 0 || refuse_half_merged(d) < 0 ||
        sort_into(d, &d->by_ident, domain_cmp_ident) < 0)
        return err_nomem(e);
    d->xml = take(parts->xml);
    d->fingerprint = fingerprint_of(d);
    clock_gettime(CLOCK_REALTIME, &d->seen);
    *ret = take(d);
    return 0;
}
