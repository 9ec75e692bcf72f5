/* SPDX-License-Identifier: GPL-3.0-or-later */
/* told.c - see told.h. No locks. */
#include "model/graph/told.h"

#include <string.h>

#include "base/file_id.h"
#include "model/storage/file_chain.h"
#include "model/graph/mount_path.h"

static bool same_text(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

bool told_agrees(const struct cached_chain *headers, const struct image_source *source)
{
    bool same = !source->n_below || source->n_below < headers->n_layers;
    for (size_t i = 0; same && i < source->n_below; i++) {
        const struct image_layer *l = &headers->layers[i + 1];
        const struct image_below *b = &source->below[i];
        same = same_text(l->path, b->path) && same_text(l->format, b->format);
    }
    return same && (!source->ends || headers->n == source->n_below + 1);
}

bool told_begins(const struct cached_chain *t, const int *files, size_t n)
{
    return n <= t->n && (!n || !memcmp(t->chain, files, n * sizeof(*files)));
}

static bool has_file(const struct cached_chain *t, int file)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->chain[i] == file)
            return true;
    return false;
}

bool told_has(const struct cached_chain *t, const int *files, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!has_file(t, files[i]))
            return false;
    return true;
}

static int number(struct graph *g, const char *path, const char *format, const struct stat *st)
{
    uint64_t dev, ino;
    file_id(st, &dev, &ino);
    return graph_file(g, path, format, dev, ino);
}

int *told_there(struct graph *g, const struct mounts *mounts, const struct image_source *source,
                size_t *ret_n)
{
    int *files = calloc(source->n_below + 2, sizeof(*files));
    size_t n = 0;
    bool ok = files != NULL;
    for (size_t i = 0; ok && i <= source->n_below; i++) {
        const struct image_below *b = i ? &source->below[i - 1] : NULL;
        const char *path = b ? b->path : source->path;
        struct stat st;
        if (!path || path[0] != '/' || !follow_stat(mounts, path, &st))
            continue;
        files[n] = number(g, path, b ? b->format : source->format, &st);
        ok = files[n++] >= 0;
    }
    *ret_n = n;
    if (ok)
        return files;
    free(files);
    return NULL;
}

char *told_mount_path(const struct mounts *mounts, const struct image_source *source)
{
    char *found = NULL;
    for (size_t i = 0; !found && i < source->n_below; i++) {
        const char *path = source->below[i].path;
        struct stat st;
        if (path && path[0] == '/' && !follow_stat(mounts, path, &st))
            found = mount_path_guess(path);
    }
    return found;
}

/* ---- from a file on ---- */

/* Returns whether user `i`'s chain from place `at` on is that of user `k` from place `to` on. */
static bool same_tail(const struct graph *g, size_t i, size_t at, size_t k, size_t to)
{
    int a, b;
    do {
        a = graph_chain(g, i, at++);
        b = graph_chain(g, k, to++);
    } while (a == b && a != GRAPH_NO_FILE);
    return a == b;
}

static bool is_cached_chain(const struct graph *g, size_t i, size_t at,
                            const struct cached_chain *t)
{
    size_t n = 0;
    while (n < t->n && graph_chain(g, i, at + n) == t->chain[n])
        n++;
    return graph_chain(g, i, at + n) == GRAPH_NO_FILE;
}

size_t *told_tails(const struct graph *g, int file, const struct cached_chain *t, size_t *ret_n)
{
    size_t *users = calloc(1, sizeof(*users)), n = 0;
    for (size_t i = 0; users && i < graph_n_users(g); i++) {
        size_t at = graph_depth(g, i, file), k = 0;
        if (at == SIZE_MAX || is_cached_chain(g, i, at, t))
            continue;
        while (k < n && !same_tail(g, i, at, users[k], graph_depth(g, users[k], file)))
            k++;
        size_t *more = k < n ? users : mem_grow(users, n, sizeof(*users));
        if (!more) {
            free(users);
            return NULL;
        }
        users = more;
        if (k == n)
            users[n++] = i;
    }
    *ret_n = n;
    return users;
}
