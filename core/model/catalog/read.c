/* SPDX-License-Identifier: GPL-3.0-or-later */
/* read.c - see catalog/read.h.
 *
 * The XML of each snapshot is a call of its own, and libvirt does not tell when a snapshot was
 * made, changed or deleted. A second reading asks for the XML only if libvirt's own files of the
 * snapshots (virt_snapshots_stamp) or their count have changed. libvirt writes those files shortly
 * before or after its answers change, so they count only once they have been left alone for
 * STAMP_AGE_NS. No locks of its own: one reading of a domain at a time.
 */
#include "model/catalog/read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "model/catalog/capability.h"
#include "model/catalog/domain_build.h"
#include "model/catalog/hooks.h"
#include "model/catalog/identify.h"
#include "model/catalog/seen_chain.h"
#include "model/catalog/tag_tables.h"
#include "model/journal/kept.h"
#include "model/state.h"
#include "model/storage/volumes.h"

#define STAMP_AGE_NS (2 * CLOCK_SECOND)

/* libvirt's answer about all the snapshots of a domain. */
struct docs {
    struct snapshot_doc **items;
    size_t n, n_unreadable, n_listed;
    char *current;
    uint64_t stamp; /* as in struct domain */
};

static void docs_drop(struct docs *d)
{
    for (size_t i = 0; i < d->n; i++)
        document_unref(d->items[i]);
    free(d->items);
    free(d->current);
}

static struct snapshot_doc *doc_of(const struct snapshot *s)
{
    return document_ref((struct snapshot_doc *)(uintptr_t)s->doc);
}

/* Returns the document of that name from before, if its XML has not changed. */
static struct snapshot_doc *doc_kept(const struct domain *before, const char *name, const char *xml)
{
    const struct snapshot *s = before ? domain_find_name(before, name) : NULL;
    return s && !strcmp(s->xml, xml) ? doc_of(s) : NULL;
}

/* Makes documents of all snapshots that are still there. Odd ones (EINVAL) are left out and
 * counted, so that one bad document does not hide the rest. */
static int docs_read(const struct domain *before, struct virt_snapshots *from, struct docs *ret,
                     struct err *e)
{
    ret->items = calloc(from->n + 1, sizeof(struct snapshot_doc *));
    if (!ret->items)
        return err_nomem(e);
    for (size_t i = 0; i < from->n; i++) {
        if (!from->xml[i])
            continue;
        struct snapshot_doc *doc = doc_kept(before, from->names[i], from->xml[i]);
        int r = doc ? 0 : document_new(from->names[i], &from->xml[i], &doc, e);
        if (r == -ENOMEM)
            return r;
        if (r == 0)
            ret->items[ret->n++] = doc;
        else
            ret->n_unreadable++;
    }
    ret->n_listed = from->n;
    ret->current = take(from->current);
    return 0;
}

static uint64_t stamp_hash(const struct virt_stamp *s)
{
    uint64_t h = hash_u64(hash_u64(hash_u64(HASH_START, s->dev), s->ino), s->mtime_ns);
    h = hash_end(hash_u64(h, s->version));
    return h ? h : 1;
}

/* Returns whether the stamp has been the same for long enough. */
static bool is_settled(const struct virt_stamp *s)
{
    return s->mtime_ns + STAMP_AGE_NS < clock_real_ns();
}

static int docs_ask(struct model *m, const char *uuid, const char *name,
                    const struct domain *before, struct docs *ret, struct err *e)
{
    struct virt_snapshots *from autodestroy(virt_snapshots_free) = NULL;
    struct virt_stamp then, now;
    bool settled = virt_snapshots_stamp(m->virt, name, NULL, &then) && is_settled(&then);
    int r = virt_snapshots(m->virt, uuid, &from, e);
    if (r == 0 && settled && virt_snapshots_stamp(m->virt, name, from, &now) &&
        stamp_hash(&now) == stamp_hash(&then))
        ret->stamp = stamp_hash(&now);
    return r < 0 ? r : docs_read(before, from, ret, e);
}

static bool is_as_before(const struct model *m, const struct virt_look *look,
                         const struct domain *before)
{
    struct virt_stamp now;
    return before && before->stamp && before->n_listed == look->snapshots &&
           !strcmp(before->name, look->name) &&
           virt_snapshots_stamp(m->virt, look->name, NULL, &now) &&
           stamp_hash(&now) == before->stamp;
}

static int docs_keep(const struct domain *before, struct docs *ret, struct err *e)
{
    ret->items = calloc(before->n + 1, sizeof(struct snapshot_doc *));
    ret->current = before->current ? strdup(before->current->name) : NULL;
    if (!ret->items || (before->current && !ret->current))
        return err_nomem(e);
    for (size_t i = 0; i < before->n; i++)
        ret->items[ret->n++] = doc_of(&before->all[i]);
    ret->n_unreadable = before->n_unreadable;
    ret->n_listed = before->n_listed;
    ret->stamp = before->stamp;
    return 0;
}

/* Takes over what is remembered: nothing that is shown of the domain has changed. */
static void inherit(struct domain *d, const struct domain *before)
{
    d->seen = before->seen;
    for (size_t i = 0; i < DOMAIN_SLOTS; i++)
        if (d->slots[i].kind->inherit)
            d->slots[i].kind->inherit(d->slots[i].value, before->slots[i].value);
}

static int domain_assemble(struct model *m, const char *uuid, struct virt_look *look,
                           struct docs *docs, const struct domain *before, bool now,
                           struct domain **ret, struct err *e)
{
    struct tag_tables *tables autodestroy(tag_tables_free) = tag_tables_new(m);
    if (!tables)
        return err_nomem(e);
    struct kept *kept autodestroy(kept_unref) = NULL;
    int r = m->is_test ? 0 : kept_read(m->virt, uuid, before ? before->kept : NULL, &kept, e);
    if (r < 0)
        return r;
    struct virt_domain id = {.name = look->name};
    snprintf(id.uuid, sizeof(id.uuid), "%s", uuid);
    struct domain_parts parts = {.id = &id,
                                 .status = &look->status,
                                 .xml = look->xml,
                                 .docs = docs->items,
                                 .n = docs->n,
                                 .n_unreadable = docs->n_unreadable,
                                 .n_listed = docs->n_listed,
                                 .stamp = docs->stamp,
                                 .volumes = volumes_new(m->pools, now),
                                 .kept = kept,
                                 .current = docs->current,
                                 .forgets_alone = model_can(m, CAN_FORGET_ALONE),
                                 .flat = m->options.flat,
                                 .slots = m->hooks->slots};
    r = parts.volumes ? domain_build(&parts, images_identify, tables, ret, e) : err_nomem(e);
    look->xml = parts.xml;
    volumes_free(parts.volumes);
    if (r < 0)
        return r;
    if (before && before->fingerprint == (*ret)->fingerprint)
        inherit(*ret, before);
    seen_chain_note(m, *ret, before);
    m->hooks->was_read(m, *ret, before, tables);
    return 0;
}

int domain_read(struct model *m, const char *uuid, const struct domain *before, bool now,
                struct domain **ret, struct err *e)
{
    struct virt_look look __attribute__((cleanup(virt_look_drop))) = {0};
    struct docs docs __attribute__((cleanup(docs_drop))) = {0};
    struct timespec asked;
    clock_gettime(CLOCK_REALTIME, &asked);
    int r = virt_domain_look(m->virt, uuid, &look, e);
    if (r < 0)
        return r;
    r = !now && is_as_before(m, &look, before) ? docs_keep(before, &docs, e)
                                               : docs_ask(m, uuid, look.name, before, &docs, e);
    if (r == 0)
        r = domain_assemble(m, uuid, &look, &docs, before, now, ret, e);
    if (r == 0)
        (*ret)->asked_ns = clock_from(asked);
    return r;
}
