/* sizes.c - see sizes.h.
 *
 * Lock: sizes->lock guards what is pending and what was noted before; it is a leaf, and not held
 * while the thread writes.
 */
#include "model/reader/sizes.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "image/image.h"
#include "model/catalog.h"
#include "model/keep.h"
#include "model/policy.h"
#include "virt/xml.h"

#define KIND "size"

enum { NOTED = 8192 /* hashes of what was noted lately; a power of 2 */, DIGITS = 24 };

struct size {
    char uuid[VIRT_UUID_LEN + 1];
    char *key;
    uint64_t bytes;
};

struct sizes {
    struct model *model;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t noted[NOTED];
    struct size *pending;
    size_t n;
    bool ending, has_thread;
    pthread_t thread;
};

/* ---- records ---- */

static char *key_of(const struct snapshot *s, const struct snapshot_disk *disk)
{
    autotext struct text t = {0};
    text_add(&t, "%s\n%" PRId64 "\n%s", s->name, snapshot_created(s), disk->target);
    return text_take(&t, NULL);
}

struct batch {
    const struct size *items;
    size_t n;
    const char *uuid;
};

static int edit(void *ctx, struct kept *k)
{
    const struct batch *b = ctx;
    for (size_t i = 0; i < b->n; i++) {
        char digits[DIGITS];
        if (strcmp(b->items[i].uuid, b->uuid) != 0)
            continue;
        snprintf(digits, sizeof(digits), "%" PRIu64, b->items[i].bytes);
        kept_set(k, KIND, b->items[i].key, digits);
    }
    return 0;
}

static bool is_first_of_domain(const struct size *items, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(items[k].uuid, items[i].uuid))
            return false;
    return true;
}

static void write_all(struct model *m, const struct size *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct batch b = {items, n, items[i].uuid};
        if (is_first_of_domain(items, i))
            keep(m, b.uuid, edit, &b);
    }
}

static uint64_t last_known(const struct domain *d, const struct snapshot *s,
                           const struct snapshot_disk *disk)
{
    struct kept *k autodestroy(kept_unref) = NULL;
    autofree char *key = key_of(s, disk);
    struct err ignored;
    if (!key || kept_read(d->uuid, NULL, &k, &ignored) < 0)
        return 0;
    const char *value = kept_get(k, KIND, key);
    return value ? strtoull(value, NULL, 10) : 0;
}

/* ---- what headers tell ---- */

static uint64_t in_header(const struct image_policy *policy, const char *path, const char *format)
{
    struct image_source source = {.path = path, .format = format};
    struct image_layer *layers = NULL;
    size_t n = 0;
    bool unknown;
    if (!path || !format)
        return 0;
    (void)image_layers(&source, policy, &layers, &n, &unknown, NULL); /* the top is enough */
    uint64_t size = n ? layers[0].size : 0;
    image_layers_free(layers, n);
    return size;
}

static uint64_t in_headers(struct model *m, struct domain *d, const struct snapshot *s,
                           const struct snapshot_disk *disk)
{
    struct allowance a = {.model = m, .domain = d, .snapshot = s};
    struct image_policy policy = policy_of(&a);
    struct err ignored;
    if (disk->memory || !virt_files_local(m->virt, &ignored))
        return 0;
    uint64_t size = in_header(&policy, disk->path, disk->format);
    for (size_t i = 0; !size && !disk->stray && i < s->parsed->n_disks; i++)
        if (!strcmp(s->parsed->disks[i].target, disk->target))
            size = in_header(&policy, s->parsed->disks[i].overlay.path, "qcow2");
    return size;
}

uint64_t sizes_of_unreadable(const struct sizes *all, struct domain *d, const struct snapshot *s,
                             const struct snapshot_disk *disk)
{
    uint64_t size = last_known(d, s, disk);
    if (!size)
        size = in_headers(all->model, d, s, disk);
    return size ? size : SIZES_UNKNOWN;
}

/* ---- the thread ---- */

static void free_items(struct size *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(items[i].key);
    free(items);
}

/* Under lock: takes what is pending and writes it, without the lock meanwhile. */
static void write_pending(struct sizes *all)
{
    struct size *items = take(all->pending);
    size_t n = all->n;
    all->n = 0;
    pthread_mutex_unlock(&all->lock);
    write_all(all->model, items, n);
    free_items(items, n);
    pthread_mutex_lock(&all->lock);
}

static void *run(void *data)
{
    struct sizes *all = data;
    pthread_mutex_lock(&all->lock);
    while (!all->ending) {
        while (!all->n && !all->ending)
            pthread_cond_wait(&all->changed, &all->lock);
        uint64_t until = clock_ns() + SIZES_WRITE_MS * CLOCK_SECOND / 1000;
        while (!all->ending && clock_wait(&all->changed, &all->lock, until))
            continue;
        write_pending(all);
    }
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

struct sizes *sizes_new(struct model *m)
{
    struct sizes *all = calloc(1, sizeof(*all));
    if (!all)
        return NULL;
    all->model = m;
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->changed, NULL);
    return all;
}

void sizes_free(struct sizes *all)
{
    if (!all)
        return;
    pthread_mutex_lock(&all->lock);
    all->ending = true;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
    if (all->has_thread)
        pthread_join(all->thread, NULL);
    free_items(all->pending, all->n);
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

/* ---- noting ---- */

/* Under lock. Was the same noted a short while ago? */
static bool was_noted(struct sizes *all, const char *uuid, const char *key, uint64_t size)
{
    uint64_t h = hash_end(hash_u64(hash_str(hash_str(HASH_START, uuid), key), size));
    uint64_t *at = &all->noted[h & (NOTED - 1)];
    bool same = *at == h;
    *at = h;
    return same;
}

/* Under lock. Takes `key` over. */
static void add(struct sizes *all, const char *uuid, char *key, uint64_t size)
{
    struct size *more =
        all->n < SIZES_PENDING_MAX ? mem_grow(all->pending, all->n, sizeof(*more)) : NULL;
    if (!more) {
        free(key);
        return;
    }
    all->pending = more;
    struct size *new = &more[all->n++];
    *new = (struct size){.key = key, .bytes = size};
    snprintf(new->uuid, sizeof(new->uuid), "%s", uuid);
    if (!all->has_thread)
        all->has_thread = pthread_create(&all->thread, NULL, run, all) == 0;
    pthread_cond_broadcast(&all->changed);
}

void sizes_note(struct sizes *all, const struct domain *d, const struct snapshot *s,
                const struct snapshot_disk *disk, uint64_t size)
{
    autofree char *key = all->model->options.readonly ? NULL : key_of(s, disk);
    if (!key || disk->stray)
        return;
    pthread_mutex_lock(&all->lock);
    if (!was_noted(all, d->uuid, key, size))
        add(all, d->uuid, take(key), size);
    pthread_mutex_unlock(&all->lock);
}
