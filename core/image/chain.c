/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chain.c - opens a chain, walks down its layers, and tells whether its data is still right. */
#include "image/chain.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "image/export.h"
#include "image/share.h"

/* ---- from layer to layer ---- */

static int by_header(const struct image_policy *policy, const char *path,
                     const struct chain_header *h, struct image_source *ret, struct err *e)
{
    if (h->wrong)
        return err_fail(e, h->wrong->no, "%s", h->wrong->text);
    if (!h->backing)
        return 0;
    const char *format = h->format;
    bool given = format && *format;
    if (policy && policy->format && (!given || !strcmp(format, "raw"))) {
        const char *named = policy->format(policy->ctx, h->backing);
        format = given && !(named && !strcmp(named, "luks")) ? format : named;
    }
    given = format && *format;
    *ret = (struct image_source){.path = h->backing, .format = given ? format : NULL};
    if (given)
        return 1;
    return err_fail(e, EINVAL,
                    "format of backing image '%s' of image '%s' was not specified in the image "
                    "metadata; record it with: qemu-img rebase -u -F FORMAT -b '%s' '%s'",
                    h->backing, path, h->backing, path);
}

/* Tells whether the file is there. It counts as there if the policy forbids a look, or the look
 * fails. */
static bool is_there(const struct chain_walk *w, const char *path, struct stat *ret)
{
    struct file_seen seen = {0};
    struct err why;
    int r = file_see(path, w->policy, &seen, &why);
    *ret = seen.st;
    return r != -ENOENT && r != -ENOTDIR;
}

static bool is_same(const struct chain_walk *w, const char *a, const char *b)
{
    struct stat x, y;
    if (!a || !b || !strcmp(a, b))
        return a && b;
    return is_there(w, a, &x) && is_there(w, b, &y) && x.st_ino && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

const struct image_below *chain_more(const struct chain_walk *w)
{
    bool more = !w->by_headers && w->next < w->source->n_below;
    return more ? &w->source->below[w->next] : NULL;
}

/* Tells whether the backing file of this snapshot was pulled into the active state. The clusters of
 * such a snapshot read zeros for data that was in the backing file. */
static bool was_pulled(const struct chain_walk *w, const struct chain_header *h)
{
    return !w->next && (w->source->tag || w->source->id) && !h->backing && !h->wrong;
}

/* Handles a layer of the source that is not there. If the header leaves it out, it was merged away.
 * The header then tells which later layer of the source follows, or that none of them counts any
 * more. */
static int pass_over(struct chain_walk *w, const char *path, const struct chain_header *h,
                     struct err *e)
{
    struct stat ignored;
    const char *gone = w->source->below[w->next].path;
    if (was_pulled(w, h) || (h->backing && !is_there(w, h->backing, &ignored)))
        return err_fail(
            e, EIO, "'%s', the backing file of '%s' by the XML, is not there, nor is %s%s%s", gone,
            path, h->backing ? "'" : "the backing file of its snapshot known",
            h->backing ? h->backing : "", h->backing ? "', its backing file by the header" : "");
    w->gone = w->gone ? w->gone : gone;
    do
        w->next++;
    while (w->next < w->source->n_below && !is_same(w, w->source->below[w->next].path, h->backing));
    w->by_headers = w->next == w->source->n_below;
    return 0;
}

static int take_below(struct chain_walk *w, const struct image_below *b, const char *format,
                      struct image_source *ret)
{
    *ret = (struct image_source){.path = b->path, .format = b->format ? b->format : format};
    w->next++;
    return 1;
}

/* Asks the policy whether the header counts. `b` is NULL at the end of the source's chain. */
static int header_counts(const struct chain_walk *w, const char *path, const struct chain_header *h,
                         const struct image_below *b, struct err *e)
{
    const struct image_policy *p = w->policy;
    bool ask = h->backing && p && p->header_counts;
    return ask ? p->header_counts(p->ctx, path, h->backing, b ? b->path : NULL, e) : 0;
}

int chain_next(struct chain_walk *w, const char *path, const struct chain_header *h,
               struct image_source *ret, struct err *e)
{
    struct stat ignored;
    for (const struct image_below *b; (b = chain_more(w));) {
        if (!b->path)
            return take_below(w, b, NULL, ret);
        if (is_same(w, b->path, h->backing))
            return take_below(w, b, h->format, ret);
        bool there = is_there(w, b->path, &ignored);
        int r = there ? header_counts(w, path, h, b, e) : pass_over(w, path, h, e);
        if (r < 0)
            return r;
        if (r == 1)
            break;
        if (there)
            return take_below(w, b, NULL, ret);
    }
    if (!w->by_headers && !chain_more(w) && w->source->ends) {
        int r = header_counts(w, path, h, NULL, e);
        if (r <= 0)
            return r;
    }
    return by_header(w->policy, path, h, ret, e);
}

int chain_fail(const struct chain_walk *w, int r, struct err *e)
{
    if ((r != -ENOENT && r != -ENOTDIR) || !w->gone)
        return r;
    struct err why = *e;
    return err_fail(e, EIO, "%s; '%s', the image's backing file by the XML, is not there either",
                    why.text, w->gone);
}

/* ---- opening ---- */

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

int chain_check_first(struct image *im, unsigned n, struct err *e)
{
    struct chain_set asked = {0};
    for (unsigned i = 0; i < n; i++)
        chain_set_add(&asked, i);
    return chain_check(im, &asked, e);
}
