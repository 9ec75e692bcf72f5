/* SPDX-License-Identifier: GPL-3.0-or-later */
/* domain_list.c - see catalog/domain_list.h.
 *
 * Locks: list_cache->reading while libvirt is asked for the list, list_cache->lock for the list
 * that is kept.
 */
#include "model/catalog/domain_list.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/name.h"
#include "base/uuid.h"
#include "model/activity/activity.h"
#include "model/catalog/catalog.h"
#include "model/catalog/reading.h"
#include "model/journal/keep.h"
#include "model/state.h"

struct list_cache {
    struct reading reading;
    pthread_mutex_t lock;
    struct domain_list *list; /* may be NULL; under lock */
};

struct list_cache *list_cache_new(void)
{
    struct list_cache *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    pthread_mutex_init(&l->reading.lock, NULL);
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void list_cache_free(struct list_cache *l)
{
    if (!l)
        return;
    domain_list_unref(l->list);
    pthread_mutex_destroy(&l->reading.lock);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

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

/* Returns whether it is a scratch domain. It is not shown, because it would be gone for a program
 * that lists the root. */
static bool is_momentary(const char *name)
{
    size_t len = strlen(REVERT_SCRATCH_PREFIX);
    return !strncmp(name, REVERT_SCRATCH_PREFIX, len) && uuid_is(name + len);
}

static bool is_wanted(const struct model *m, const char *name)
{
    if (is_momentary(name))
        return false;
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

/* Returns a reference to the list that is kept, if it is fresh. */
static struct domain_list *list_kept(struct model *m)
{
    autolock(&m->list_cache->lock);
    struct domain_list *l = m->list_cache->list;
    if (l && l->fresh_until <= clock_ns())
        l = NULL;
    if (l)
        __atomic_add_fetch(&l->refs, 1, __ATOMIC_RELAXED);
    return l;
}

static int list_read(struct model *m, struct domain_list **ret, struct err *e)
{
    uint64_t began = clock_ns();
    struct virt_domain *all = NULL;
    size_t n = 0;
    int r = virt_domains(m->virt, &all, &n, e);
    if (r < 0)
        return r;
    struct domain_list *l = NULL;
    r = list_build(m, all, n, &l, e);
    if (r == 0) {
        model_prune(m, all, n);
        activity_prune(m->activity, all, n);
        keep_prune(m, all, n);
        l->fresh_until = m->options.cache_ns ? began + m->options.cache_ns : 0;
        pthread_mutex_lock(&m->list_cache->lock);
        domain_list_unref(m->list_cache->list);
        m->list_cache->list = l;
        l->refs++;
        pthread_mutex_unlock(&m->list_cache->lock);
        *ret = l;
    }
    virt_domains_free(all, n);
    return r;
}

int model_domains(struct model *m, struct domain_list **ret, struct err *e)
{
    if ((*ret = list_kept(m)))
        return 0;
    int r = reading_begin(&m->list_cache->reading, e);
    if (r < 0)
        return r;
    r = (*ret = list_kept(m)) ? 0 : list_read(m, ret, e);
    reading_end(&m->list_cache->reading, r, e);
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
    uint64_t began = clock_ns();
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
    int r = l ? 0 : model_domains(m, &l, e); /* a coded name that was cut, or that snapfs did not
                                                make */
    return r < 0 ? r : find_in(l, coded, ret_uuid, ret_until, e);
}
