/* catalog.c - the model: one connection, and a cached value of each domain.
 *
 * Locks: see catalog.h. Readers share one reading: who finds the value old takes the entry's
 * `reading` lock and looks again before asking libvirt.
 */
#include "model/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "model/domain.h"
#include "model/images.h"
#include "model/tables.h"

uint64_t model_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int model_open(const struct model_options *o, struct model **ret, struct err *e)
{
    struct model *m autodestroy(model_close) = calloc(1, sizeof(*m));
    if (!m)
        return err_nomem(e);
    m->options = *o;
    pthread_mutex_init(&m->listing.lock, NULL);
    pthread_mutex_init(&m->lock, NULL);
    int r = virt_open(o->uri, o->readonly, &m->virt, e);
    if (r < 0)
        return r;
    m->is_test = !strncmp(virt_uri(m->virt), "test:", 5);
    *ret = take(m);
    return 0;
}

static void entry_free(struct entry *en)
{
    domain_unref(en->latest);
    oplog_clear(&en->log);
    pthread_mutex_destroy(&en->operation);
    pthread_mutex_destroy(&en->reading.lock);
    free(en);
}

void model_close(struct model *m)
{
    if (!m)
        return;
    while (m->entries) {
        struct entry *next = m->entries->next;
        entry_free(m->entries);
        m->entries = next;
    }
    domain_list_unref(m->list);
    virt_close(m->virt);
    pthread_mutex_destroy(&m->listing.lock);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

const char *model_uri(const struct model *m)
{
    return virt_uri(m->virt);
}

bool model_readonly(const struct model *m)
{
    return m->options.readonly;
}

/* ---- one reading at a time ---- */

int reading_begin(struct reading *r, struct err *e)
{
    uint64_t asked = model_now_ns();
    pthread_mutex_lock(&r->lock);
    if (r->late_at < asked)
        return 0;
    int late = err_fail(e, r->late.no, "%s", r->late.text);
    pthread_mutex_unlock(&r->lock);
    return late;
}

void reading_end(struct reading *r, int result, const struct err *e)
{
    if (result == -ETIMEDOUT) {
        r->late_at = model_now_ns();
        r->late = *e;
    }
    pthread_mutex_unlock(&r->lock);
}

/* ---- entries ---- */

static struct entry *entry_new(const char *uuid)
{
    struct entry *en = calloc(1, sizeof(*en));
    if (!en)
        return NULL;
    snprintf(en->uuid, sizeof(en->uuid), "%s", uuid);
    pthread_mutex_init(&en->operation, NULL);
    pthread_mutex_init(&en->reading.lock, NULL);
    return en;
}

struct entry *model_entry(struct model *m, const char *uuid)
{
    pthread_mutex_lock(&m->lock);
    struct entry *en = m->entries;
    while (en && strcmp(en->uuid, uuid) != 0)
        en = en->next;
    if (!en && (en = entry_new(uuid))) {
        en->next = m->entries;
        m->entries = en;
    }
    if (en)
        en->users++;
    pthread_mutex_unlock(&m->lock);
    return en;
}

void model_entry_done(struct model *m, struct entry *en)
{
    pthread_mutex_lock(&m->lock);
    en->users--;
    pthread_mutex_unlock(&m->lock);
}

void model_changed(struct model *m, struct entry *en)
{
    pthread_mutex_lock(&m->lock);
    en->changes++;
    en->stale = true;
    pthread_mutex_unlock(&m->lock);
}

static bool is_listed(const struct virt_domain *all, size_t n, const char *uuid)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(all[i].uuid, uuid))
            return true;
    return false;
}

void model_prune(struct model *m, const struct virt_domain *all, size_t n)
{
    pthread_mutex_lock(&m->lock);
    for (struct entry **at = &m->entries; *at;) {
        struct entry *en = *at;
        if (en->users || is_listed(all, n, en->uuid)) {
            at = &en->next;
            continue;
        }
        *at = en->next;
        entry_free(en);
    }
    pthread_mutex_unlock(&m->lock);
}

/* ---- one domain ---- */

/* The document of that name from before, when its XML has not changed. */
static struct snapshot_doc *doc_kept(const struct domain *before, const char *name, const char *xml)
{
    const struct snapshot *s = before ? domain_find_name(before, name) : NULL;
    if (!s || strcmp(s->xml, xml) != 0)
        return NULL;
    return document_ref((struct snapshot_doc *)(uintptr_t)s->doc);
}

struct docs {
    struct snapshot_doc **items;
    size_t n, n_unreadable;
};

static void docs_drop(struct docs *d)
{
    for (size_t i = 0; i < d->n; i++)
        document_unref(d->items[i]);
    free(d->items);
}

/* Documents of all snapshots that are still there; odd ones (EINVAL) are left out and
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
    return 0;
}

static int domain_assemble(struct model *m, const struct virt_domain *id,
                           const struct virt_status *status, char **xml,
                           struct virt_snapshots *snapshots, const struct domain *before,
                           struct domain **ret, struct err *e)
{
    struct docs docs __attribute__((cleanup(docs_drop))) = {0};
    struct tag_tables *tables autodestroy(tag_tables_free) = tag_tables_new(m);
    if (!tables)
        return err_nomem(e);
    int r = docs_read(before, snapshots, &docs, e);
    if (r < 0)
        return r;
    struct domain_parts parts = {.id = id,
                                 .status = status,
                                 .xml = *xml,
                                 .docs = docs.items,
                                 .n = docs.n,
                                 .n_unreadable = docs.n_unreadable,
                                 .current = snapshots->current};
    r = domain_build(&parts, images_identify, tables, ret, e);
    *xml = parts.xml;
    if (r == 0 && before && before->print == (*ret)->print)
        (*ret)->seen = before->seen;
    return r;
}

static char *domain_name_in(const char *xml)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    return xml_domain_parse(xml, &x, NULL) < 0 ? NULL : take(x->name);
}

static int domain_read(struct model *m, const char *uuid, const struct domain *before,
                       struct domain **ret, struct err *e)
{
    struct virt_status status;
    autofree char *xml = NULL;
    struct virt_snapshots *snapshots autodestroy(virt_snapshots_free) = NULL;
    int r = virt_domain_status(m->virt, uuid, false, &status, e);
    if (r == 0)
        r = virt_domain_xml(m->virt, uuid, false, &xml, e);
    if (r == 0)
        r = virt_snapshots(m->virt, uuid, &snapshots, e);
    if (r < 0)
        return r;
    autofree char *name = domain_name_in(xml);
    if (!name)
        return err_fail(e, EINVAL, "libvirt's XML of domain %s cannot be read", uuid);
    struct virt_domain id = {.name = name};
    snprintf(id.uuid, sizeof(id.uuid), "%s", uuid);
    return domain_assemble(m, &id, &status, &xml, snapshots, before, ret, e);
}

/* A reference to what is kept: with `fresh` only if it is young enough. */
static struct domain *domain_kept(struct model *m, struct entry *en, bool fresh)
{
    pthread_mutex_lock(&m->lock);
    struct domain *d = en->latest;
    if (d && fresh && (en->stale || d->fresh_until <= model_now_ns()))
        d = NULL;
    if (d)
        domain_ref(d);
    pthread_mutex_unlock(&m->lock);
    return d;
}

/* Reads the domain and keeps the value, unless it was changed meanwhile. Under `reading`. */
static int domain_refresh(struct model *m, struct entry *en, struct domain **ret, struct err *e)
{
    struct domain *before autodestroy(domain_unref) = domain_kept(m, en, false);
    pthread_mutex_lock(&m->lock);
    uint64_t changes = en->changes;
    pthread_mutex_unlock(&m->lock);
    uint64_t began = model_now_ns();
    struct domain *d = NULL;
    int r = domain_read(m, en->uuid, before, &d, e);
    if (r < 0)
        return r;
    pthread_mutex_lock(&m->lock);
    bool keep = changes == en->changes;
    d->fresh_until = keep && m->options.cache_ns ? began + m->options.cache_ns : 0;
    if (keep) {
        domain_unref(en->latest);
        en->latest = domain_ref(d);
        en->stale = false;
    }
    pthread_mutex_unlock(&m->lock);
    *ret = d;
    return 0;
}

/* Takes its turn, and looks first whether another has read it meanwhile. */
static int domain_read_shared(struct model *m, struct entry *en, bool now, struct domain **ret,
                              struct err *e)
{
    int r = reading_begin(&en->reading, e);
    if (r < 0)
        return r;
    *ret = now ? NULL : domain_kept(m, en, true);
    if (!*ret)
        r = domain_refresh(m, en, ret, e);
    reading_end(&en->reading, r, e);
    return r;
}

static int domain_get(struct model *m, const char *uuid, bool now, struct domain **ret,
                      struct err *e)
{
    struct entry *en = model_entry(m, uuid);
    if (!en)
        return err_nomem(e);
    *ret = now ? NULL : domain_kept(m, en, true);
    int r = *ret ? 0 : domain_read_shared(m, en, now, ret, e);
    model_entry_done(m, en);
    return r;
}

int model_domain(struct model *m, const char *uuid, struct domain **ret, struct err *e)
{
    return domain_get(m, uuid, false, ret, e);
}

int model_domain_now(struct model *m, const char *uuid, struct domain **ret, struct err *e)
{
    return domain_get(m, uuid, true, ret, e);
}
