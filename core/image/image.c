/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image.c - an open image's own data. */
#include <errno.h>

#include "base/hash.h"
#include "image/chain.h"
#include "image/image.h"

uint64_t image_size(const struct image *im)
{
    return chain_size(im);
}

uint64_t image_opened(const struct image *im)
{
    return im->opened_ns;
}

static struct image_id id_of(const struct image_file *f)
{
    return (struct image_id){
        .dev = f->dev, .ino = f->ino, .size = f->size, .mtime_ns = f->mtime_ns};
}

struct image_id image_identity(const struct image *im)
{
    const struct layer *top = im->layers[0];
    const struct image_file *f = top->file;
    if (top->live)
        return (struct image_id){.dev = f->dev, .ino = f->ino, .entry = top->entry_hash};
    return id_of(f);
}

static uint64_t hash_file(uint64_t h, const struct image_file *f)
{
    struct image_id id = id_of(f);
    return hash_u64(hash_u64(image_id_hash(h, &id), f->written), f->ctime_ns);
}

uint64_t image_chain_hash(const struct image *im)
{
    struct image_id id = image_identity(im);
    uint64_t h = image_id_hash(HASH_START, &id);
    for (unsigned i = 0; i < im->n; i++) {
        const struct layer *l = im->layers[i];
        if (!l->live)
            h = hash_file(h, l->file);
        if (l->data != l->file)
            h = hash_file(h, l->data);
    }
    return hash_end(h);
}

static bool has_ctime(const struct image_file *f)
{
    struct stat st;
    return f->fd < 0 || (fstat(f->fd, &st) == 0 && file_has_ctime(f, &st));
}

bool image_has_ctimes(const struct image *im)
{
    bool same = true;
    for (unsigned i = im->layers[0]->live ? 1 : 0; same && i < im->n; i++)
        same = has_ctime(im->layers[i]->file) && has_ctime(im->layers[i]->data);
    return same;
}

bool image_reads_file(const struct image *im, const struct stat *st)
{
    for (unsigned i = im->layers[0]->live ? 1 : 0; i < im->n; i++) {
        const struct layer *l = im->layers[i];
        if (file_is(l->file, st) || file_is(l->data, st))
            return true;
    }
    return false;
}

static int check_dated(const struct image_file *f, struct err *e)
{
    return file_is_dated(f) ? file_unchanged(f, e) : 0;
}

int image_check_dated(const struct image *im, struct err *e)
{
    int r = 0;
    for (unsigned i = im->layers[0]->live ? 1 : 0; r == 0 && i < im->n; i++) {
        const struct layer *l = im->layers[i];
        r = check_dated(l->file, e);
        if (r == 0 && l->data != l->file)
            r = check_dated(l->data, e);
    }
    return r;
}

static int see_file(const struct image_file *f, image_see *see, void *ctx, struct err *e)
{
    struct image_id id = id_of(f);
    return file_is_device(f) || file_is_remote(f) ? 0 : see(ctx, f->path, &id, e);
}

int image_each_file(const struct image *im, image_see *see, void *ctx, struct err *e)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && i < im->n; i++) {
        const struct layer *l = im->layers[i];
        r = l->live ? 0 : see_file(l->file, see, ctx, e);
        if (r == 0 && l->data != l->file)
            r = see_file(l->data, see, ctx, e);
    }
    return r;
}

int image_each_raw(const struct image *im, image_see *see, void *ctx, struct err *e)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && i < im->n; i++) {
        const struct layer *l = im->layers[i];
        if (l->kind == LAYER_RAW || l->data != l->file)
            r = see_file(l->data, see, ctx, e);
    }
    return r;
}

bool image_on_device(const struct image *im)
{
    for (unsigned i = im->layers[0]->live ? 1 : 0; i < im->n; i++) {
        const struct layer *l = im->layers[i];
        if (file_is_device(l->file) || file_is_device(l->data))
            return true;
    }
    return false;
}

uint64_t image_allocated(struct image *im)
{
    uint64_t size = image_size(im), host = 0;
    pthread_mutex_lock(&im->lock);
    bool exact = im->walked == size;
    uint64_t data = im->walked_data;
    pthread_mutex_unlock(&im->lock);
    if (exact)
        return data;
    for (unsigned i = 0; i < im->n && host < size; i++) {
        const struct layer *l = im->layers[i];
        if (!add_u64(host, l->data->storage, &host))
            return size;
    }
    return min_u64(host, size);
}

int image_check(struct image *im, struct err *e)
{
    int r = chain_alive(im, e);
    return r == 0 ? chain_check(im, NULL, e) : r;
}

unsigned image_depth(const struct image *im)
{
    return im->n;
}

void image_describe_chain(const struct image *im, struct text *out)
{
    for (unsigned i = 0; i < im->n; i++) {
        const struct layer *l = im->layers[i];
        text_add(out, "%s%s (%s", i ? " <- " : "", l->file->path, l->format);
        if (l->live)
            text_add(out, ", %ssnapshot '%s'", l->memory ? "memory of " : "", l->tag);
        text_add(out, ", %ju bytes)", (uintmax_t)l->size);
    }
}
