/* catalog.c - the model: one connection, the list of domains, and a cached value of each.
 *
 * Locks: see catalog.h. Readers share one reading: who finds the value old takes the entry's `reading`
 * lock and looks again before asking libvirt.
 */
#include "model/catalog.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/name.h"
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
    pthread_mutex_init(&m->listing, NULL);
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
    pthread_mutex_destroy(&en->reading);
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
    pthread_mutex_destroy(&m->listing);
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

/* ---- entries ---- */

static struct entry *entry_new(const char *uuid)
{
    struct entry *en = calloc(1, sizeof(*en));
    if (!en)
        return NULL;
    snprintf(en->uuid, sizeof(en->uuid), "%s", uuid);
    pthread_mutex_init(&en->operation, NULL);
    pthread_mutex_init(&en->reading, NULL);
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
    domain_unref(en->latest);
    en->latest = NULL;
    pthread_mutex_unlock(&m->lock);
}

static bool is_listed(const struct virt_domain *all, size_t n, const char *uuid)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(all[i].uuid, uuid))
            return true;
    return false;
}

/* Forgets domains that libvirt no longer has, so that a stranger who makes and undefines domains does
 * not fill our memory. */
static void prune_entries(struct model *m, const struct virt_domain *all, size_t n)
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

/* ---- the list of domains ---- */

void domain_list_unref(struct domain_list *l)
{
    if (!l || __atomic_sub_fetch(&l->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].name);
        free(l->items[i].coded);
    }
    free(l->items);
    free(l);
}

static int cmp_domain(const void *a, const void *b)
{
    return strcmp(((const struct domain_name *)a)->coded, ((const struct domain_name *)b)->coded);
}

static bool is_wanted(const struct model *m, const char *name)
{
    for (size_t i = 0; i < m->options.n_globs; i++)
        if (!fnmatch(m->options.globs[i], name, 0))
            return true;
    return !m->options.n_globs;
}

static int list_build(const struct model *m, const struct virt_domain *all, size_t n,
                      struct domain_list **ret, struct err *e)
{
    struct domain_list *l autodestroy(domain_list_unref) = calloc(1, sizeof(*l));
    if (!l)
        return err_nomem(e);
    l->refs = 1;
    l->items = calloc(n + 1, sizeof(*l->items));
    if (!l->items)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        if (!is_wanted(m, all[i].name))
            continue;
        struct domain_name *item = &l->items[l->n++];
        item->name = strdup(all[i].name);
        item->coded = name_encode(all[i].name);
        snprintf(item->uuid, sizeof(item->uuid), "%s", all[i].uuid);
        if (!item->name || !item->coded)
            return err_nomem(e);
    }
    qsort(l->items, l->n, sizeof(*l->items), cmp_domain);
    *ret = take(l);
    return 0;
}

/* A reference to the list that is kept, if it is fresh. */
static struct domain_list *list_kept(struct model *m)
{
    pthread_mutex_lock(&m->lock);
    struct domain_list *l = m->list;
    if (l && l->fresh_until <= model_now_ns())
        l = NULL;
    if (l)
        __atomic_add_fetch(&l->refs, 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&m->lock);
    return l;
}

static int list_read(struct model *m, struct domain_list **ret, struct err *e)
{
    uint64_t began = model_now_ns();
    struct virt_domain *all = NULL;
    size_t n = 0;
    int r = virt_domains(m->virt, &all, &n, e);
    if (r < 0)
        return r;
    struct domain_list *l = NULL;
    r = list_build(m, all, n, &l, e);
    if (r == 0) {
        prune_entries(m, all, n);
        l->fresh_until = m->options.cache_ns ? began + m->options.cache_ns : 0;
        pthread_mutex_lock(&m->lock);
        domain_list_unref(m->list);
        m->list = l;
        l->refs++;
        pthread_mutex_unlock(&m->lock);
        *ret = l;
    }
    virt_domains_free(all, n);
    return r;
}

int model_domains(struct model *m, struct domain_list **ret, struct err *e)
{
    if ((*ret = list_kept(m)))
        return 0;
    pthread_mutex_lock(&m->listing);
    int r = (*ret = list_kept(m)) ? 0 : list_read(m, ret, e);
    pthread_mutex_unlock(&m->listing);
    return r;
}

static int find_in(const struct domain_list *l, const char *coded, char ret_uuid[37],
                   uint64_t *ret_until, struct err *e)
{
    struct domain_name key = {.coded = (char *)(uintptr_t)coded};
    const struct domain_name *d =
        l->n ? bsearch(&key, l->items, l->n, sizeof(*l->items), cmp_domain) : NULL;
    if (!d)
        return err_fail(e, ENOENT, "there is no domain '%s'", coded);
    memcpy(ret_uuid, d->uuid, sizeof(d->uuid));
    *ret_until = l->fresh_until;
    return 0;
}

static int find_named(struct model *m, const char *name, char ret_uuid[37], uint64_t *ret_until,
                      struct err *e)
{
    uint64_t began = model_now_ns();
    if (!is_wanted(m, name))
        return err_fail(e, ENOENT, "the domain '%s' is not one of those mounted", name);
    int r = virt_domain_named(m->virt, name, ret_uuid, e);
    if (r == 0)
        *ret_until = m->options.cache_ns ? began + m->options.cache_ns : 0;
    return r;
}

int model_domain_find(struct model *m, const char *coded, char ret_uuid[37], uint64_t *ret_until,
                      struct err *e)
{
    struct domain_list *l autodestroy(domain_list_unref) = list_kept(m);
    autofree char *name = NULL;
    if (!l && name_decode(coded, &name, e) == 0)
        return find_named(m, name, ret_uuid, ret_until, e);
    int r = l ? 0 : model_domains(m, &l, e); /* a coded name that was cut, or none of ours */
    return r < 0 ? r : find_in(l, coded, ret_uuid, ret_until, e);
}

/* ---- one domain ---- */

/* The document of that name from before, when its XML has not changed. */
static struct snapshot_doc *doc_kept(const struct domain *before, const char *name,
                                     const char *xml)
{
    const struct snapshot *s = before ? domain_find_name(before, name) : NULL;
    if (!s || strcmp(s->xml, xml) != 0)
        return NULL;
    return document_ref((struct snapshot_doc *)(uintptr_t)s->doc);
}

struct docs {
    struct snapshot_doc **items;
    size_t n;
};

static void docs_drop(struct docs *d)
{
    for (size_t i = 0; i < d->n; i++)
        document_unref(d->items[i]);
    free(d->items);
}

/* Documents of all snapshots that are still there; odd ones (EINVAL) are left out, so that one bad
 * document does not hide the rest. */
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
    struct domain_parts parts = {.id = id, .status = status, .xml = *xml, .docs = docs.items,
                                 .n = docs.n, .current = snapshots->current};
    r = domain_build(&parts, images_identify, tables, ret, e);
    *xml = parts.xml;
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
        r = virt_domain_xml(m->virt, uuid, &xml, e);
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
    if (d && fresh && d->fresh_until <= model_now_ns())
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
    }
    pthread_mutex_unlock(&m->lock);
    *ret = d;
    return 0;
}

static int domain_get(struct model *m, const char *uuid, bool now, struct domain **ret,
                      struct err *e)
{
    struct entry *en = model_entry(m, uuid);
    if (!en)
        return err_nomem(e);
    int r = 0;
    *ret = now ? NULL : domain_kept(m, en, true);
    if (!*ret) {
        pthread_mutex_lock(&en->reading);
        *ret = now ? NULL : domain_kept(m, en, true);
        if (!*ret)
            r = domain_refresh(m, en, ret, e);
        pthread_mutex_unlock(&en->reading);
    }
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
