/* image.c - what an open image says of itself. */
#include <errno.h>

#include "base/hash.h"
#include "image/chain.h"

bool image_id_equal(const struct image_id *a, const struct image_id *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->entry == b->entry;
}

uint64_t image_id_hash(uint64_t h, const struct image_id *id)
{
    const uint64_t all[] = {id->dev, id->ino, id->size, id->mtime_ns, id->entry};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        h = hash_u64(h, all[i]);
    return h;
}

uint64_t image_size(const struct image *im)
{
    return im->layers[0]->size;
}

struct image_id image_identity(const struct image *im)
{
    const struct layer *top = im->layers[0];
    const struct image_file *f = top->file;
    if (top->live)
        return (struct image_id){.dev = f->dev, .ino = f->ino, .entry = top->entry_hash};
    return (struct image_id){
        .dev = f->dev, .ino = f->ino, .size = f->size, .mtime_ns = f->mtime_ns};
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
