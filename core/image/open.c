/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open.c - opens an image with all its layers, and counts its users. */
#include <errno.h>

#include "base/clock.h"
#include "image/chain_walk.h"
#include "image/export.h"
#include "image/image.h"
#include "image/merged.h"
#include "image/share.h"

static int check_loop(const struct image *im, const struct layer *l, struct err *e)
{
    for (unsigned i = 0; i < im->n; i++) {
        const struct layer *above = im->layers[i];
        if (file_same(above->file, l->file) || file_same(above->data, l->file) ||
            file_same(above->file, l->data) || file_same(above->data, l->data))
            return err_fail(e, ELOOP, "'%s' is its own backing file, through '%s'",
                            above->file->path, l->file->path);
    }
    return 0;
}

/* Makes room before the layer is opened, so that adding it cannot fail. */
static int reserve(struct image *im, struct err *e)
{
    if (im->n == IMAGE_CHAIN_MAX)
        return err_fail(e, ELOOP, "the chain of '%s' has more than %d layers",
                        im->layers[0]->file->path, IMAGE_CHAIN_MAX);
    if (im->n & (im->n - 1))
        return 0;
    size_t cap = im->n ? (size_t)im->n * 2 : 1;
    struct layer **layers = realloc(im->layers, cap * sizeof(struct layer *));
    if (!layers)
        return err_nomem(e);
    im->layers = layers;
    return 0;
}

static int add_layer(struct image *im, const struct image_source *source,
                     const struct image_policy *policy, struct err *e)
{
    int r = reserve(im, e);
    if (r < 0)
        return r;
    autodestroy(share_put) struct layer *l = NULL;
    r = share_get(source, policy, &l, e);
    if (r < 0)
        return r;
    r = check_loop(im, l, e);
    if (r < 0)
        return r;
    im->layers[im->n++] = take(l);
    return 0;
}

/* Checks that a layer has no layer below it, unless snapfs itself reads it as qcow2. */
static int check_last(const struct chain_walk *w, const struct layer *l, struct err *e)
{
    if (l->kind == LAYER_QCOW2 || !chain_more(w))
        return 0;
    return err_fail(e, l->kind == LAYER_RAW ? EINVAL : EOPNOTSUPP,
                    "cannot read '%s', which is %s: the XML gives it a backing file", l->file->path,
                    l->format);
}

static int open_layers(struct image *im, const struct image_source *source,
                       const struct image_policy *policy, struct err *e)
{
    struct chain_walk walk = {.source = source, .policy = policy};
    struct image_source at = *source;
    int r;
    do {
        r = add_layer(im, &at, policy, e);
        if (r < 0)
            return chain_fail(&walk, r, e);
        const struct layer *l = im->layers[im->n - 1];
        if (l->memory)
            return 0;
        struct chain_header h = {l->backing, l->backing_format, l->lost};
        r = check_last(&walk, l, e);
        if (r == 0)
            r = chain_next(&walk, l->file->path, &h, &at, e);
        if (r == 1 && !at.path)
            return err_fail(
                e, EOPNOTSUPP,
                "cannot read '%s': by the XML its backing file is neither a local file nor a disk "
                "that snapfs reads from another host",
                l->file->path);
    } while (r == 1);
    return r;
}

int image_open(const struct image_source *source, const struct image_policy *policy,
               struct image **ret, struct err *e)
{
    autodestroy(image_unref) struct image *im = calloc(1, sizeof(*im));
    if (!im)
        return err_nomem(e);
    pthread_mutex_init(&im->lock, NULL);
    atomic_init(&im->refs, 1);
    im->opened_ns = clock_real_ns();
    int r = open_layers(im, source, policy, e);
    if (r < 0)
        return r;
    merged_init(im);
    *ret = take(im);
    return 0;
}

int image_start(struct image *im, struct err *e)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && i < im->n; i++)
        r = im->layers[i]->export ? export_start(im->layers[i]->export, NULL, e) : 0;
    return r;
}

struct image *image_ref(struct image *im)
{
    atomic_fetch_add(&im->refs, 1);
    return im;
}

void image_unref(struct image *im)
{
    if (!im || atomic_fetch_sub(&im->refs, 1) != 1)
        return;
    for (unsigned i = 0; i < im->n; i++)
        share_put(im->layers[i]);
    free(im->layers);
    pthread_mutex_destroy(&im->lock);
    free(im);
}
