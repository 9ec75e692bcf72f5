/* SPDX-License-Identifier: GPL-3.0-or-later */
/* catalog.c - see catalog/catalog.h.
 *
 * Locks: catalog->lock guards the entries, except their `reading`. Readers share one reading. A
 * reader that finds the value old takes the entry's `reading` lock, and looks again before asking
 * libvirt.
 */

#include "model/catalog/catalog.h"

#include <errno.h>
#include <stdlib.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/uuid_table.h"
#include "model/catalog/read.h"
#include "model/catalog/reading.h"
#include "model/state.h"

struct entry {
    struct uuid_item item;
    struct reading reading;
    /* under catalog->lock: */
    uint64_t changes;      /* counts changes by snapfs; a reading that began before one is stale */
    struct domain *latest; /* may be NULL */
    bool stale;            /* `latest` is old, whatever its age */
};

struct catalog {
    pthread_mutex_t lock;
    /* under lock: */
    struct uuid_table entries;
    uint64_t changes; /* changes by this process, to any domain */
};

static struct entry *of(struct uuid_item *item)
{
    return (struct entry *)item;
}

static struct uuid_item *entry_new(void)
{
    struct entry *en = calloc(1, sizeof(*en));
    if (!en)
        return NULL;
    pthread_mutex_init(&en->reading.lock, NULL);
    return &en->item;
}

static void entry_drop(struct uuid_item *item)
{
    domain_unref(of(item)->latest);
    pthread_mutex_destroy(&of(item)->reading.lock);
    free(of(item));
}

/* ---- if memory is short ---- */

static bool forget(struct uuid_item *item, bool old)
{
    struct entry *en = of(item);
    if (en->latest && (!old || en->latest->fresh_until <= clock_ns()))
        domain_unref(take(en->latest));
    return budget_over();
}

static bool forget_old(void *ctx, struct uuid_item *item)
{
    (void)ctx;
    return forget(item, true);
}

static bool forget_any(void *ctx, struct uuid_item *item)
{
    (void)ctx;
    return forget(item, false);
}

/* Forgets values, the old ones first. snapfs reads a forgotten value again when a caller needs
 * it. */
static void drop(void *ctx, uint64_t bytes)
{
    (void)bytes;
    struct catalog *c = ctx;
    autolock(&c->lock);
    if (budget_over())
        uuid_table_each(&c->entries, forget_old, NULL);
    if (budget_over())
        uuid_table_each(&c->entries, forget_any, NULL);
}

/* ---- entries ---- */

int catalog_new(struct catalog **ret, struct err *e)
{
    struct catalog *c = calloc(1, sizeof(*c));
    if (!c)
        return err_nomem(e);
    pthread_mutex_init(&c->lock, NULL);
    c->entries = (struct uuid_table){.make = entry_new, .drop = entry_drop};
    if (!budget_keeper(drop, c)) {
        catalog_free(c);
        return err_fail(e, EMFILE, "too many connections in one process");
    }
    *ret = c;
    return 0;
}

void catalog_free(struct catalog *c)
{
    if (!c)
        return;
    budget_keeper_ended(drop, c);
    uuid_table_clear(&c->entries);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

struct entry *model_entry(struct model *m, const char *uuid)
{
    pthread_mutex_lock(&m->catalog->lock);
    struct uuid_item *item = uuid_table_hold(&m->catalog->entries, uuid);
    pthread_mutex_unlock(&m->catalog->lock);
    return item ? of(item) : NULL;
}

void model_entry_done(struct model *m, struct entry *en)
{
    autolock(&m->catalog->lock);
    en->item.users--;
}

struct domain *entry_latest(struct model *m, const struct entry *en)
{
    autolock(&m->catalog->lock);
    return en->latest ? domain_ref(en->latest) : NULL;
}

void model_changed(struct model *m, struct entry *en)
{
    autolock(&m->catalog->lock);
    en->changes++;
    m->catalog->changes++;
    en->stale = true;
}

void model_changed_uuid(struct model *m, const char *uuid)
{
    struct entry *en = model_entry(m, uuid);
    if (!en)
        return;
    model_changed(m, en);
    model_entry_done(m, en);
}

uint64_t model_changes(struct model *m)
{
    autolock(&m->catalog->lock);
    return m->catalog->changes;
}

struct visit {
    void (*see)(void *ctx, const struct domain *d);
    void *ctx;
};

static bool visit(void *ctx, struct uuid_item *item)
{
    const struct visit *v = ctx;
    if (of(item)->latest)
        v->see(v->ctx, of(item)->latest);
    return true;
}

void catalog_each(struct model *m, void (*see)(void *ctx, const struct domain *d), void *ctx)
{
    struct visit v = {see, ctx};
    autolock(&m->catalog->lock);
    uuid_table_each(&m->catalog->entries, visit, &v);
}

void model_prune(struct model *m, const struct virt_domain *all, size_t n)
{
    autolock(&m->catalog->lock);
    for (size_t i = 0; i < n; i++)
        uuid_table_list(&m->catalog->entries, all[i].uuid);
    uuid_table_prune(&m->catalog->entries);
}

/* ---- one domain ---- */

/* Returns a reference to the kept value; with `fresh` only if it is young enough. */
static struct domain *domain_kept(struct model *m, struct entry *en, bool fresh)
{
    autolock(&m->catalog->lock);
    struct domain *d = en->latest;
    if (d && fresh && (en->stale || d->fresh_until <= clock_ns()))
        d = NULL;
    if (d)
        domain_ref(d);
    return d;
}

/* Reads the domain and keeps the value, unless the domain was changed meanwhile. Under
 * `reading`. */
static int domain_refresh(struct model *m, struct entry *en, bool now, struct domain **ret,
                          struct err *e)
{
    struct domain *before autodestroy(domain_unref) = domain_kept(m, en, false);
    pthread_mutex_lock(&m->catalog->lock);
    uint64_t changes = en->changes;
    pthread_mutex_unlock(&m->catalog->lock);
    uint64_t began = clock_ns();
    struct domain *d = NULL;
    int r = domain_read(m, en->item.uuid, before, now, &d, e);
    if (r < 0)
        return r;
    pthread_mutex_lock(&m->catalog->lock);
    bool keep = changes == en->changes;
    d->fresh_until = keep && m->options.cache_ns ? began + m->options.cache_ns : 0;
    if (keep) {
        domain_unref(en->latest);
        en->latest = domain_ref(d);
        en->stale = false;
    }
    pthread_mutex_unlock(&m->catalog->lock);
    *ret = d;
    return 0;
}

/* Reads the domain, one thread at a time; looks first whether another thread has read it
 * meanwhile. */
static int domain_read_shared(struct model *m, struct entry *en, bool now, struct domain **ret,
                              struct err *e)
{
    int r = reading_begin(&en->reading, e);
    if (r < 0)
        return r;
    *ret = now ? NULL : domain_kept(m, en, true);
    if (!*ret)
        r = domain_refresh(m, en, now, ret, e);
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

/* ---- while libvirt is away ---- */

bool model_domain_away(struct model *m, const char *uuid, struct domain **ret)
{
    struct entry *en = virt_is_away(m->virt) ? model_entry(m, uuid) : NULL;
    if (!en)
        return false;
    *ret = entry_latest(m, en);
    model_entry_done(m, en);
    return *ret != NULL;
}

struct named {
    const char *coded;
    char *uuid;
    bool found;
};

static void see_named(void *ctx, const struct domain *d)
{
    struct named *n = ctx;
    if (strcmp(d->coded, n->coded) != 0)
        return;
    memcpy(n->uuid, d->uuid, sizeof(d->uuid));
    n->found = true;
}

bool model_uuid_away(struct model *m, const char *coded, char ret_uuid[37])
{
    struct named n = {.coded = coded, .uuid = ret_uuid};
    if (virt_is_away(m->virt))
        catalog_each(m, see_named, &n);
    return n.found;
}
