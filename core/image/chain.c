/* chain.c - opening a chain, walking down it, and telling whether it is still right. */
#include "image/chain.h"

#include <errno.h>

#include "image/export.h"
#include "image/share.h"

int chain_below(const char *path, const char *backing, const char *backing_format,
                const struct image_policy *policy, struct image_source *ret, struct err *e)
{
    if (!backing)
        return 0;
    const char *format = backing_format;
    bool given = format && *format;
    if (policy && policy->format && (!given || !strcmp(format, "raw"))) {
        const char *named = policy->format(policy->ctx, backing);
        format = given && !(named && !strcmp(named, "luks")) ? format : named;
    }
    given = format && *format;
    *ret = (struct image_source){.path = backing, .format = given ? format : NULL};
    if (given)
        return 1;
    return err_fail(e, EINVAL,
                    "format of backing image '%s' of image '%s' was not specified in the image "
                    "metadata; record it with: qemu-img rebase -u -F FORMAT -b '%s' '%s'",
                    backing, path, backing, path);
}

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

static int open_layers(struct image *im, const struct image_source *source,
                       const struct image_policy *policy, struct err *e)
{
    struct image_source at = *source;
    int r;
    do {
        r = add_layer(im, &at, policy, e);
        if (r < 0)
            return r;
        const struct layer *l = im->layers[im->n - 1];
        if (l->memory)
            return 0;
        r = chain_below(l->file->path, l->backing, l->backing_format, policy, &at, e);
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

int chain_run(struct image *im, uint64_t offset, uint64_t limit, bool holes, struct chain_run *ret,
              struct err *e)
{
    *ret = (struct chain_run){.run.length = limit};
    for (unsigned depth = 0;; depth++) {
        ret->depth = depth;
        int r = layer_run(im->layers[depth], offset, ret->run.length, holes, &ret->run, e);
        if (r < 0)
            return r;
        ret->present = ret->run.kind != RUN_UNALLOCATED;
        if (ret->present)
            return 0;
        if (depth + 1 == im->n || offset >= im->layers[depth + 1]->size)
            break;
    }
    ret->run.kind = RUN_ZERO;
    ret->run.has_host = false;
    return 0;
}

int chain_alive(const struct image *im, struct err *e)
{
    if (!atomic_load(&im->dead))
        return 0;
    return err_fail(e, ESTALE, "'%s': the snapshot has gone or its files were changed",
                    im->layers[0]->file->path);
}

int chain_check(struct image *im, const struct chain_set *used, struct err *e)
{
    int r = im->layers[0]->live ? layer_check(im->layers[0], e) : 0;
    unsigned first = im->layers[0]->live ? 1 : 0;
    for (unsigned i = first; r == 0 && i < im->n; i++)
        if (!used || chain_set_has(used, i))
            r = layer_check(im->layers[i], e);
    if (r == -ESTALE)
        atomic_store(&im->dead, true);
    return r;
}
