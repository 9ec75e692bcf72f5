/* follow.c - see follow.h. */
#include "model/follow.h"

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
