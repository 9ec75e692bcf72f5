/* SPDX-License-Identifier: GPL-3.0-or-later */
/* probes.h - what is remembered of each image with its domain: whether it is readable, and its
 * size. */
#ifndef SNAPFS_MODEL_READER_PROBES_H
#define SNAPFS_MODEL_READER_PROBES_H

#include <pthread.h>

#include "model/catalog/domain.h"

struct model;
struct partitions;

struct image_facts {
    uint64_t size;      /* bytes, virtual size at the snapshot */
    uint64_t allocated; /* bytes, the cheap figure */
};

/* Returns how many bytes the images that were looked at have allocated, of all domains. Uses only
 * what is remembered. */
uint64_t model_allocated(struct model *m);

struct probe {
    bool known;
    bool alone;          /* of one layer: its ident tells of all that it depends on */
    struct err *failure; /* NULL = readable */
    struct image_facts facts;
    char *chain;                   /* image_describe_chain's words */
    struct partitions *partitions; /* NULL until they were asked for */
};

struct probes {
    pthread_mutex_t lock;
    size_t n;
    struct probe *items;
};

/* Returns the bytes that a probe has in the budget; probe_clear gives them back. */
uint64_t probe_size(const struct probe *p);
void probe_clear(struct probe *p);

struct probes *probes_new(size_t n); /* NULL without memory */
void probes_free(struct probes *p);  /* NULL allowed */
struct probes *probes_in(const struct domain *d);
extern const struct slot_kind probes_slot;

#endif
