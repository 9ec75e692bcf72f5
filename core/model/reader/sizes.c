/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sizes.c - see sizes.h. No locks. */
#include "model/reader/sizes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "model/journal/kept.h"
#include "model/journal/keep_later.h"
#include "model/reader/policy.h"
#include "model/state.h"
#include "virt/xml.h"

#define KIND "size"

enum { DIGITS = 24 };

/* ---- what was kept ---- */

static char *key_of(const struct snapshot *s, const struct snapshot_disk *disk)
{
    autotext struct text t = {0};
    text_add(&t, "%s\n%" PRId64 "\n%s", s->name, snapshot_created(s), disk->target);
    return text_take(&t, NULL);
}

void sizes_note(struct model *m, const struct domain *d, const struct snapshot *s,
                const struct snapshot_disk *disk, uint64_t size)
{
    autofree char *key = disk->untracked_tag ? NULL : key_of(s, disk);
    char digits[DIGITS];
    snprintf(digits, sizeof(digits), "%" PRIu64, size);
    if (key)
        keep_later(m->keep_later, d->uuid, KIND, key, digits);
}

static uint64_t last_known(struct model *m, const struct domain *d, const struct snapshot *s,
                           const struct snapshot_disk *disk)
{
    struct kept *k autodestroy(kept_unref) = NULL;
    autofree char *key = key_of(s, disk);
    struct err ignored;
    if (!key || kept_read(m->virt, d->uuid, NULL, &k, &ignored) < 0)
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
    for (size_t i = 0; !size && !disk->untracked_tag && i < s->parsed->n_disks; i++)
        if (!strcmp(s->parsed->disks[i].target, disk->target))
            size = in_header(&policy, s->parsed->disks[i].overlay.path, "qcow2");
    return size;
}

uint64_t sizes_of_unreadable(struct model *m, struct domain *d, const struct snapshot *s,
                             const struct snapshot_disk *disk)
{
    uint64_t size = last_known(m, d, s, disk);
    if (!size)
        size = in_headers(m, d, s, disk);
    return size ? size : SIZES_UNKNOWN;
}
