/* follow.c - see follow.h. */
#include "model/follow.h"

#include "base/mounts.h"
#include "model/need.h"

static int allow(void *ctx, const char *path, struct err *e)
{
    return mounts_check(ctx, path, NULL, e);
}

struct image_policy follow_policy(const struct mounts *mounts)
{
    return (struct image_policy){.ctx = (void *)(uintptr_t)mounts, .allow = allow};
}

int follow_layers(const char *path, const char *format, struct image_layer **ret, size_t *ret_n,
                  struct err *e)
{
    struct mounts *mounts = mounts_read();
    if (!mounts)
        return err_nomem(e);
    struct image_source source = {.path = path, .format = format};
    struct image_policy policy = follow_policy(mounts);
    bool unknown;
    int r = image_layers(&source, &policy, ret, ret_n, &unknown, e);
    mounts_free(mounts);
    return r;
}

bool follow_stat(const struct mounts *mounts, const char *path, struct stat *ret)
{
    return mounts_check(mounts, path, NULL, NULL) == 0 && stat(path, ret) == 0;
}

bool follow_stands_on(const struct mounts *mounts, const char *top, const char *format,
                      const char *below)
{
    struct image_source source = {.path = top, .format = format};
    struct image_policy policy = follow_policy(mounts);
    struct image_layer *layers = NULL;
    struct stat st;
    uint64_t dev = 0, ino = 0;
    size_t n = 0;
    bool unknown;
    if (follow_stat(mounts, below, &st))
        need_identify(&st, &dev, &ino);
    image_layers(&source, &policy, &layers, &n, &unknown, NULL);
    bool same = ino && n > 1 && layers[1].dev == dev && layers[1].ino == ino;
    image_layers_free(layers, n);
    return same;
}

bool follow_to_same(const char *a, const char *b)
{
    struct stat x, y;
    return a && b && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

const char *follow_name(const struct xml_disk *disk, const char *path)
{
    if (follow_to_same(disk->source.path, path))
        return disk->source.path;
    for (size_t i = 0; i < disk->n_backing; i++)
        if (follow_to_same(disk->backing[i].path, path))
            return disk->backing[i].path;
    return NULL;
}
