/* SPDX-License-Identifier: GPL-3.0-or-later */
/* catalog.c - the model: one connection, and a cached value of each domain.
 *
 * Locks: see catalog/catalog.h. Readers share one reading: who finds the value old takes the
 * entry's `reading` lock and looks again before asking libvirt.
 */
#include "model/catalog/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/hash.h"
#include "model/reader/open.h"
#include "model/journal/keep.h"
#include "model/journal/keep_later.h"
#include "model/change/settler.h"
#include "model/reader/open_cache.h"
#include "model/reader/open_images.h"
#include "model/reader/open_marks.h"
#include "model/graph/usage_cache.h"
#include "model/storage/pools.h"
#include "model/catalog/read.h"
#include "model/reader/unreadable.h"
#include "model/reader/modified.h"

bool model_able(const struct model *m, enum ability a)
{
    return able(virt_version(m->virt), a);
}

/* Under model->lock: forgets what is kept of domains, but with `old` not what is fresh. */
static void forget_latest(struct model *m, bool old)
{
    uint64_t now = clock_ns();
    for (size_t i = 0; i < ENTRY_BUCKETS; i++)
        for (struct entry *en = m->entries[i]; en && budget_over(); en = en->next)
            if (en->latest && (!old || en->latest->fresh_until <= now))
                domain_unref(take(en->latest));
}

/* They are read again when they are asked for. */
static void drop(void *ctx, uint64_t bytes)
{
    (void)bytes;
    struct model *m = ctx;
    pthread_mutex_lock(&m->lock);
    forget_latest(m, true);
    forget_latest(m, false);
    pthread_mutex_unlock(&m->lock);
}

bool model_wait(struct model *m, uint64_t until_ns)
{
    return clock_wait(&m->turned, &m->lock, until_ns);
}

int model_open(const struct model_options *o, struct model **ret, struct err *e)
{
    struct model *m autodestroy(model_close) = calloc(1, sizeof(*m));
    if (!m)
        return err_nomem(e);
    m->options = *o;
    pthread_mutex_init(&m->listing.lock, NULL);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->turned, NULL);
    int r = virt_open(o->uri, o->readonly, &m->virt, e);
    if (r < 0)
        return r;
    m->lookout = lookout_new(m);
    m->linger = linger_new();
    m->touched = touched_new();
    m->open_images = open_images_new();
    m->keeper = keeper_new();
    m->pools = pools_new(m->virt);
    m->keep_later = keep_later_new(m);
    m->unreadable = unreadable_new();
    if (!m->lookout || !m->linger || !m->touched || !m->open_images || !m->keeper || !m->pools ||
        !m->keep_later || !m->unreadable)
        return err_nomem(e);
    if (!budget_keeper(drop, m))
        return err_fail(e, EMFILE, "too many connections in one process");
    m->is_test = !strncmp(virt_uri(m->virt), "test:", 5);
    open_marks_prepare(m);
    *ret = take(m);
    return 0;
}

static void entry_free(struct entry *en)
{
    domain_unref(en->latest);
    oplog_clear(&en->log);
    pthread_mutex_destroy(&en->reading.lock);
    free(en);
}

void model_close(struct model *m)
{
    if (!m)
        return;
    settler_free(m->settler);
    lookout_free(m->lookout);
    keep_later_free(m->keep_later);
    unreadable_free(m->unreadable);
    linger_free(m->linger);
    touched_free(m->touched);
    open_images_free(m->open_images);
    keeper_free(m->keeper);
    progress_close(m);
    pools_free(m->pools);
    budget_keeper_ended(drop, m);
    for (size_t i = 0; i < ENTRY_BUCKETS; i++)
        for (struct entry *en = m->entries[i], *next; en; en = next) {
            next = en->next;
            entry_free(en);
        }
    domain_list_unref(m->list);
    virt_close(m->virt);
    pthread_mutex_destroy(&m->listing.lock);
    pthread_cond_destroy(&m->turned);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

const char *model_uri(const struct model *m)
{
    return virt_uri(m->virt);
}

bool model_is_elsewhere(struct model *m)
{
    struct err e = {0};
    return !virt_files_local(m->virt, &e) && e.no == EOPNOTSUPP;
}

bool model_is_flat(const struct model *m)
{
    return m->options.flat;
}

bool model_readonly(const struct model *m)
{
    return m->options.readonly;
}

uint64_t model_allocated(struct model *m)
{
    uint64_t sum = 0;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < ENTRY_BUCKETS; i++)
        for (const struct entry *en = m->entries[i]; en; en = en->next)
            sum += en->latest ? images_allocated(en->latest) : 0;
    pthread_mutex_unlock(&m->lock);
    return sum;
}

/* ---- one reading at a time ---- */

int reading_begin(struct reading *r, struct err *e)
{
    uint64_t asked = clock_ns();
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
        r->late_at = clock_ns();
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
    pthread_mutex_init(&en->reading.lock, NULL);
    return en;
}

static struct entry **bucket_of(struct model *m, const char *uuid)
{
    return &m->entries[hash_end(hash_str(HASH_START, uuid)) % ENTRY_BUCKETS];
}

struct entry *model_entry(struct model *m, const char *uuid)
{
    pthread_mutex_lock(&m->lock);
    struct entry **bucket = bucket_of(m, uuid), *en = *bucket;
    while (en && strcmp(en->uuid, uuid) != 0)
        en = en->next;
    if (!en && (en = entry_new(uuid))) {
        en->next = *bucket;
        *bucket = en;
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
    m->changes++;
    en->stale = true;
    pthread_mutex_unlock(&m->lock);
}

/* Under model->lock. */
static void prune_bucket(struct entry **at)
{
    while (*at) {
        struct entry *en = *at;
        bool keep = en->users || en->listed;
        en->listed = false;
        if (keep) {
            at = &en->next;
        } else {
            *at = en->next;
            entry_free(en);
        }
    }
}

void model_prune(struct model *m, const struct virt_domain *all, size_t n)
{
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < n; i++)
        for (struct entry *en = *bucket_of(m, all[i].uuid); en; en = en->next)
            en->listed |= !strcmp(en->uuid, all[i].uuid);
    for (size_t i = 0; i < ENTRY_BUCKETS; i++)
        prune_bucket(&m->entries[i]);
    pthread_mutex_unlock(&m->lock);
}

/* ---- one domain ---- */

/* A reference to what is kept: with `fresh` only if it is young enough. */
static struct domain *domain_kept(struct model *m, struct entry *en, bool fresh)
{
    pthread_mutex_lock(&m->lock);
    struct domain *d = en->latest;
    if (d && fresh && (en->stale || d->fresh_until <= clock_ns()))
        d = NULL;
    if (d)
        domain_ref(d);
    pthread_mutex_unlock(&m->lock);
    return d;
}

/* Reads the domain and keeps the value, unless it was changed meanwhile. Under `reading`. */
static int domain_refresh(struct model *m, struct entry *en, bool now, struct domain **ret,
                          struct err *e)
{
    struct domain *before autodestroy(domain_unref) = domain_kept(m, en, false);
    pthread_mutex_lock(&m->lock);
    uint64_t changes = en->changes;
    pthread_mutex_unlock(&m->lock);
    uint64_t began = clock_ns();
    struct domain *d = NULL;
    int r = domain_read(m, en->uuid, before, now, &d, e);
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
