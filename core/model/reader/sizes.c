/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sizes.c - see sizes.h. No locks. */
#include "model/reader/sizes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "image/layers.h"
#include "model/journal/keep.h"
#include "model/journal/keep_later.h"
#include "model/journal/kept.h"
#include "model/reader/open_chain.h"
#include "model/reader/policy.h"
#include "model/state.h"
#include "virt/xml.h"

#define SIZE "size"
#define LENGTH "length"

enum { DIGITS = 24 };

/* ---- the records ---- */

/* Returns the key of an image or, with a path, of a file of it. */
static char *key_of(const struct snapshot *s, const struct snapshot_disk *disk, const char *path)
{
    autotext struct text t = {0};
    text_add(&t, "%s\n%" PRId64 "\n%s", s->name, snapshot_created(s), disk->target);
    if (path)
        text_add(&t, "\n%s", path);
    return text_take(&t, NULL);
}

struct noting {
    struct model *m;
    const struct domain *d;
    const struct snapshot *s;
    const struct snapshot_disk *disk;
    bool at_once; /* else later */
};

static void note(const struct noting *n, const char *kind, const char *path, uint64_t size)
{
    autofree char *key = key_of(n->s, n->disk, path);
    char digits[DIGITS];
    struct kept_record r = {kind, key, digits};
    snprintf(digits, sizeof(digits), "%" PRIu64, size);
    if (key && n->at_once)
        keep(n->m, n->d->uuid, kept_put_record, &r);
    else if (key)
        keep_later(n->m->keep_later, n->d->uuid, kind, key, digits);
}

static int note_length(void *ctx, const char *path, const struct image_id *file, struct err *e)
{
    (void)e;
    note(ctx, LENGTH, path, file->size);
    return 0;
}

static void note_all(const struct noting *n, const struct image *im)
{
    struct err ignored;
    note(n, SIZE, NULL, image_size(im));
    (void)image_each_raw(im, note_length, (void *)(uintptr_t)n, &ignored);
}

void sizes_note(struct model *m, const struct domain *d, const struct snapshot *s,
                const struct snapshot_disk *disk, const struct image *im)
{
    const struct noting n = {.m = m, .d = d, .s = s, .disk = disk};
    if (!disk->untracked_tag)
        note_all(&n, im);
}

void sizes_accept(struct model *m, struct domain *d, const struct snapshot *s)
{
    struct noting n = {.m = m, .d = d, .s = s, .at_once = true};
    struct err ignored;
    for (size_t i = 0; i < s->n_images; i++) {
        struct image *im autodestroy(image_unref) = NULL;
        n.disk = &s->disks[i];
        if (images_open_chain(m, d, s, n.disk, &im, &ignored) == 0)
            note_all(&n, im);
    }
}

static uint64_t kept_size(const struct kept *k, const struct snapshot *s,
                          const struct snapshot_disk *disk, const char *kind, const char *path)
{
    autofree char *key = key_of(s, disk, path);
    const char *value = key ? kept_get(k, kind, key) : NULL;
    return value ? strtoull(value, NULL, 10) : 0;
}

static uint64_t last_known(struct model *m, const struct domain *d, const struct snapshot *s,
                           const struct snapshot_disk *disk)
{
    struct kept *k autodestroy(kept_unref) = NULL;
    struct err ignored;
    return kept_read(m->virt, d->uuid, NULL, &k, &ignored) < 0 ? 0
                                                               : kept_size(k, s, disk, SIZE, NULL);
}

/* ---- whether an image got shorter ---- */

struct question {
    const struct snapshot *s;
    const struct snapshot_disk *disk;
    const struct kept *kept;
};

static int check_length(const struct question *q, const char *kind, const char *path,
                        const char *name, uint64_t size, struct err *e)
{
    uint64_t then = kept_size(q->kept, q->s, q->disk, kind, path);
    if (size >= then)
        return 0;
    return err_fail(e, EIO,
                    "cannot read '%s': it has %" PRIu64 " bytes and had %" PRIu64 " before, so it "
                    "was cut short or is still being copied; put the whole file back or, if it is "
                    "right, rewrite the snapshot's 'description' to clear this",
                    name, size, then);
}

static int check_raw(void *ctx, const char *path, const struct image_id *file, struct err *e)
{
    return check_length(ctx, LENGTH, path, path, file->size, e);
}

int sizes_check(const struct model *m, const struct domain *d, const struct snapshot *s,
                const struct snapshot_disk *disk, const struct image *im, struct err *e)
{
    struct kept *k autodestroy(kept_unref) = NULL;
    if (m->is_test || disk->untracked_tag)
        return 0;
    int r = kept_read(m->virt, d->uuid, d->kept, &k, e);
    struct question q = {s, disk, k};
    const char *name = disk->path ? disk->path : disk->target;
    if (r == 0)
        r = image_each_raw(im, check_raw, &q, e);
    return r < 0 ? r : check_length(&q, SIZE, NULL, name, image_size(im), e);
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
