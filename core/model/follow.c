/* follow.c - see follow.h. */
#include "model/follow.h"

#include <sys/stat.h>

#include "base/mounts.h"

static int allow(void *ctx, const char *path, struct err *e)
{
    return mounts_check(ctx, path, NULL, e);
}

int follow_layers(const char *path, const char *format, struct image_layer **ret, size_t *ret_n,
                  struct err *e)
{
    struct mounts *mounts = mounts_read();
    if (!mounts)
        return err_nomem(e);
    struct image_source source = {.path = path, .format = format};
    struct image_policy policy = {.ctx = mounts, .allow = allow};
    bool unknown;
    int r = image_layers(&source, &policy, ret, ret_n, &unknown, e);
    mounts_free(mounts);
    return r;
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
