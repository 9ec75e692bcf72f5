/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_chain.c - see storage/file_chain.h. */
#include "model/storage/file_chain.h"

#include <string.h>

#include "base/file_id.h"
#include "base/mounts.h"
#include "image/header.h"
#include "image/path.h"

static int allow(void *ctx, const char *path, struct err *e)
{
    struct stat ignored;
    return image_remote_stat(path, &ignored) ? 0 : mounts_check(ctx, path, NULL, e);
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

static bool is_at(const struct mounts *mounts, const char *path, uint64_t dev, uint64_t ino)
{
    struct stat st;
    return follow_stat(mounts, path, &st) && file_has_id(&st, dev, ino);
}

static bool load_header(const struct mounts *mounts, const char *path, struct header *ret)
{
    struct image_policy policy = follow_policy(mounts);
    struct image_file *f autodestroy(file_close) = NULL;
    return file_open(path, &policy, &f, NULL) == 0 && header_load(f, ret, NULL, NULL) == 0;
}

char *follow_backing(const struct mounts *mounts, const char *path)
{
    struct header h = {0};
    char *backing = NULL;
    if (load_header(mounts, path, &h) && h.backing &&
        path_lead(path, h.backing, &backing) != PATH_LOCAL)
        backing = NULL;
    header_drop(&h);
    return backing;
}

bool follow_ends(const struct mounts *mounts, const char *path)
{
    struct header h = {0};
    bool ends = load_header(mounts, path, &h) && !h.backing;
    header_drop(&h);
    return ends;
}

/* Returns the first place below the top with that file. */
static size_t find_below(const struct image_layer *layers, size_t n, uint64_t dev, uint64_t ino)
{
    for (size_t i = 1; i < n; i++)
        if (layers[i].dev == dev && layers[i].ino == ino)
            return i;
    return 0;
}

size_t follow_depth(const struct mounts *mounts, const char *top, const char *file,
                    char **ret_below)
{
    struct image_source source = {.path = top, .format = "qcow2"};
    struct image_policy policy = follow_policy(mounts);
    autofree char *below = follow_backing(mounts, top);
    struct image_layer *layers = NULL;
    struct stat st;
    uint64_t dev, ino;
    size_t n = 0, at = 1;
    bool unknown;
    if (!below || !follow_stat(mounts, file, &st))
        return 0;
    file_id(&st, &dev, &ino);
    if (!is_at(mounts, below, dev, ino)) {
        (void)image_layers(&source, &policy, &layers, &n, &unknown, NULL);
        at = find_below(layers, n, dev, ino);
        image_layers_free(layers, n);
    }
    if (ret_below)
        *ret_below = take(below);
    return at;
}

bool follow_to_same(const char *a, const char *b)
{
    struct stat x, y;
    return a && b && stat(a, &x) == 0 && stat(b, &y) == 0 && file_is_same(&x, &y);
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
