/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chain_cache.c - see graph/chain_cache.h: a hash table of the ends of chains. No locks. */
#include "model/graph/chain_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { BUCKETS = 1024 };

/* A chain that was followed; its ends point into it. */
struct chain {
    struct chain *next;
    int *numbers;
    char *mount_path;
    struct image_layer *layers;
    size_t n_layers;
};

struct end {
    struct end *next;
    char *path, *format;
    struct cached_chain cached_chain;
};

struct chain_cache {
    struct chain *chains;
    struct end *buckets[BUCKETS];
};

struct chain_cache *chain_cache_new(void)
{
    return calloc(1, sizeof(struct chain_cache));
}

static void end_free(struct end *x)
{
    free(x->path);
    free(x->format);
    free(x);
}

static void chain_free(struct chain *c)
{
    free(c->numbers);
    free(c->mount_path);
    image_layers_free(c->layers, c->n_layers);
    free(c);
}

void chain_cache_free(struct chain_cache *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct end *x = t->buckets[i], *next; x; x = next) {
            next = x->next;
            end_free(x);
        }
    for (struct chain *c = t->chains, *next; c; c = next) {
        next = c->next;
        chain_free(c);
    }
    free(t);
}

static size_t bucket_of(const char *path)
{
    return hash_end(hash_str(HASH_START, path)) % BUCKETS;
}

bool chain_cache_find(const struct chain_cache *t, const char *path, const char *format,
                      struct cached_chain *ret)
{
    const struct end *x = t->buckets[bucket_of(path)];
    while (x && (strcmp(x->path, path) != 0 || strcmp(x->format, format) != 0))
        x = x->next;
    if (x)
        *ret = x->cached_chain;
    return x;
}

static bool add_end(struct chain_cache *t, const char *path, const char *format,
                    const struct cached_chain *cached_chain)
{
    struct cached_chain known;
    if (chain_cache_find(t, path, format, &known))
        return true;
    struct end *x = calloc(1, sizeof(*x)), **bucket = &t->buckets[bucket_of(path)];
    if (!x)
        return false;
    *x = (struct end){.next = *bucket,
                      .path = strdup(path),
                      .format = strdup(format),
                      .cached_chain = *cached_chain};
    if (!x->path || !x->format) {
        end_free(x);
        return false;
    }
    *bucket = x;
    return true;
}

static const struct chain *add_chain(struct chain_cache *t, const struct cached_chain *cached_chain,
                                     struct image_layer *layers, size_t n_layers)
{
    struct chain *c = calloc(1, sizeof(*c));
    if (!c) {
        image_layers_free(layers, n_layers);
        return NULL;
    }
    c->layers = layers;
    c->n_layers = n_layers;
    c->numbers = calloc(cached_chain->n + 1, sizeof(*c->numbers));
    c->mount_path = cached_chain->mount_path ? strdup(cached_chain->mount_path) : NULL;
    if (!c->numbers || (cached_chain->mount_path && !c->mount_path)) {
        chain_free(c);
        return NULL;
    }
    memcpy(c->numbers, cached_chain->chain, cached_chain->n * sizeof(*c->numbers));
    c->next = t->chains;
    t->chains = c;
    return c;
}

bool chain_cache_add(struct chain_cache *t, const char *path, const char *format,
                     const struct cached_chain *cached_chain, struct image_layer *layers,
                     size_t n_layers)
{
    const struct chain *c = add_chain(t, cached_chain, layers, n_layers);
    if (!c)
        return false;
    struct cached_chain one = *cached_chain;
    one.chain = c->numbers;
    one.mount_path = c->mount_path;
    one.layers = layers;
    one.n_layers = n_layers;
    bool ok = add_end(t, path, format, &one);
    /* If something is wrong with a chain, its ends are not added: the cause may be at its top. */
    bool whole = !cached_chain->incomplete && !cached_chain->may_continue &&
                 !cached_chain->mount_path && n_layers == cached_chain->n;
    for (size_t i = 1; ok && whole && i < n_layers; i++) {
        one.chain = c->numbers + i;
        one.n = cached_chain->n - i;
        one.layers = layers + i;
        one.n_layers = n_layers - i;
        ok = !layers[i].format || add_end(t, layers[i].path, layers[i].format, &one);
    }
    return ok;
}
