/* SPDX-License-Identifier: GPL-3.0-or-later */
/* surveyor.c - see surveyor.h. No locks of its own. Reads headers only. */
#include "model/graph/surveyor.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file_id.h"
#include "base/mounts.h"
#include "model/catalog/tag_tables.h"
#include "model/graph/mount_path.h"
#include "model/state.h"
#include "virt/shared.h"

/* Is the survey's policy: every file may be looked at, except those of a snapfs mount, which are
 * noted. */
static int allow(void *ctx, const char *path, struct err *e)
{
    struct surveyor *v = ctx;
    char *mount_path = NULL;
    free(v->asked);
    v->asked = strdup(path);
    int r = mounts_check(v->mounts, path, &mount_path, e);
    if (v->mount_path)
        free(mount_path);
    else
        v->mount_path = mount_path;
    return r;
}

/* Returns the numbers of a chain's files, top first; NULL without memory. */
static int *number_chain(struct surveyor *v, const struct image_layer *layers, size_t n)
{
    int *chain = calloc(n + 1, sizeof(*chain));
    for (size_t i = 0; chain && i < n; i++) {
        const struct image_layer *l = &layers[i];
        chain[i] = graph_file(v->graph, l->path, l->format, l->dev, l->ino);
        if (chain[i] < 0) {
            free(chain);
            return NULL;
        }
    }
    return chain;
}

static int check_stop(const struct surveyor *v, struct err *e)
{
    bool stop = v->stop && atomic_load(v->stop);
    return stop ? err_fail(e, ESHUTDOWN, "the mount is ending") : 0;
}

/* Returns whether the file is raw, without opening it. A raw file ends its chain, because its
 * content tells nothing of other files. */
static bool is_plain_raw(const struct image_source *source, struct image_layer *ret)
{
    struct stat st;
    if (strcmp(source->format, "raw") != 0 || stat(source->path, &st) < 0)
        return false;
    file_id(&st, &ret->dev, &ret->ino);
    return true;
}

int *surveyor_walk(struct surveyor *v, const struct image_source *source, struct cached_chain *ret,
                   struct image_layer **layers, size_t *n)
{
    struct image_policy policy = {.ctx = v, .allow = allow};
    struct image_layer top = {.path = (char *)(uintptr_t)source->path,
                              .format = (char *)(uintptr_t)source->format};
    free(take(v->mount_path));
    *ret = (struct cached_chain){0};
    int r = image_layers(source, &policy, layers, n, &ret->may_continue, NULL);
    if (r == -ENOENT && v->asked && !v->mount_path)
        v->mount_path = mount_path_guess(v->asked);
    if (r == -EACCES && !*n && !v->mount_path && is_plain_raw(source, &top))
        r = 0;
    if (r < 0)
        denied_note(&v->denied, -r, v->asked ? v->asked : source->path);
    ret->incomplete = r < 0;
    ret->mount_path = v->mount_path;
    ret->may_continue &= !v->mount_path;
    ret->n = *n ? *n : 1;
    int *chain = *n ? number_chain(v, *layers, *n) : number_chain(v, &top, 1);
    ret->chain = chain;
    return chain;
}

/* Follows the chain whose top is `path` by the headers. */
static int follow(struct surveyor *v, const char *path, const char *format, struct err *e)
{
    struct image_source source = {.path = path, .format = format};
    struct image_layer *layers;
    size_t n;
    struct cached_chain t;
    autofree int *chain = surveyor_walk(v, &source, &t, &layers, &n);
    if (!chain)
        image_layers_free(layers, n);
    return chain && chain_cache_add(v->chain_cache, path, format, &t, layers, n) ? 0 : err_nomem(e);
}

int surveyor_chain(struct surveyor *v, struct graph_user *u, const char *path, const char *format,
                   struct cached_chain *ret, struct err *e)
{
    int r = check_stop(v, e);
    if (r == 0 && !chain_cache_find(v->chain_cache, path, format, ret))
        r = follow(v, path, format, e);
    if (r < 0)
        return r;
    chain_cache_find(v->chain_cache, path, format, ret);
    u->incomplete = ret->incomplete;
    u->may_continue = ret->may_continue;
    u->mount_path = ret->mount_path;
    return 0;
}

int surveyor_begin(struct surveyor *v, struct err *e)
{
    struct err why;
    if (!virt_files_local(v->m->virt, &why))
        return err_fail(e, EOPNOTSUPP, "cannot determine whose bytes would change: %s", why.text);
    v->graph = graph_new();
    v->names = names_new();
    v->overlays = names_new();
    v->tables = tag_tables_new(v->m);
    v->chain_cache = chain_cache_new();
    v->mounts = mounts_read();
    return v->graph && v->names && v->overlays && v->tables && v->chain_cache && v->mounts
               ? 0
               : err_nomem(e);
}

void surveyor_end(struct surveyor *v)
{
    tag_tables_free(v->tables);
    chain_cache_free(v->chain_cache);
    mounts_free(v->mounts);
    names_free(v->overlays);
    left_tags_drop(&v->left);
    text_drop(&v->unseen);
    denied_drop(&v->denied);
    free(v->asked);
    free(v->mount_path);
}
