/* SPDX-License-Identifier: GPL-3.0-or-later */
/* probes.c - see reader/probes.h.
 *
 * Lock: probes->lock guards what is remembered with a domain; no file is opened and no other lock
 * taken under it.
 */
#include "model/reader/probes.h"

#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/lock.h"
#include "image/partitions.h"
#include "model/catalog/catalog.h"

uint64_t probe_size(const struct probe *p)
{
    return (p->failure ? sizeof(*p->failure) : 0) + (p->chain ? strlen(p->chain) : 0) +
           (p->partitions ? sizeof(*p->partitions) : 0);
}

void probe_clear(struct probe *p)
{
    budget_give(probe_size(p));
    free(p->failure);
    free(p->chain);
    free(p->partitions);
}

struct probes *probes_new(size_t n)
{
    struct probes *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->n = n;
    p->items = calloc(n + 1, sizeof(*p->items));
    pthread_mutex_init(&p->lock, NULL);
    if (p->items)
        return p;
    probes_free(p);
    return NULL;
}

void probes_free(struct probes *p)
{
    if (!p)
        return;
    for (size_t i = 0; p->items && i < p->n; i++)
        probe_clear(&p->items[i]);
    free(p->items);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

struct probes *probes_in(const struct domain *d)
{
    return d->slots[SLOT_PROBES].value;
}

static void sum_allocated(void *ctx, const struct domain *d)
{
    struct probes *probes = probes_in(d);
    uint64_t *sum = ctx;
    autolock(&probes->lock);
    for (size_t i = 0; i < probes->n; i++)
        if (probes->items[i].known && !probes->items[i].failure)
            *sum += probes->items[i].facts.allocated;
}

uint64_t model_allocated(struct model *m)
{
    uint64_t sum = 0;
    catalog_each(m, sum_allocated, &sum);
    return sum;
}

/* Takes over the facts of an image of one layer; in a deeper chain a file below may be another by
 * now. Takes over the partitions of any image. Without memory snapfs finds them out anew. */
static void probe_inherit(struct probe *p, const struct probe *old)
{
    char *chain = old->known && !old->failure && old->alone ? strdup(old->chain) : NULL;
    if (chain)
        *p = (struct probe){.known = true, .alone = true, .facts = old->facts, .chain = chain};
    p->partitions = old->partitions ? malloc(sizeof(*p->partitions)) : NULL;
    if (p->partitions)
        *p->partitions = *old->partitions;
    budget_count(probe_size(p));
}

/* Takes over what is known from the domain's value before. */
static void inherit(void *value, void *from)
{
    struct probes *probes = value, *before = from;
    if (probes->n != before->n)
        return;
    autolock(&before->lock);
    for (size_t i = 0; i < probes->n; i++)
        probe_inherit(&probes->items[i], &before->items[i]);
}

static void *make(const struct domain *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++)
        n += d->all[i].n_images;
    return probes_new(n);
}

static void drop(void *value)
{
    probes_free(value);
}

const struct slot_kind probes_slot = {make, drop, inherit};
