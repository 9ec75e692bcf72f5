/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path_set.c - see storage/path_set.h. No locks. */
#include "model/storage/path_set.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file_id.h"
#include "base/mounts.h"

struct names {
    struct mounts *mounts;
    char **items;
    size_t n;
};

struct names *names_new(void)
{
    struct names *n = calloc(1, sizeof(*n));
    if (!n || (n->mounts = mounts_read()))
        return n;
    free(n);
    return NULL;
}

void names_free(struct names *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->n; i++)
        free(n->items[i]);
    free(n->items);
    mounts_free(n->mounts);
    free(n);
}

bool names_add(struct names *n, const char *path)
{
    if (!path)
        return true;
    if (!mem_room(n->items, n->n))
        return false;
    n->items[n->n] = strdup(path);
    return n->items[n->n] && ++n->n;
}

const char *names_at(const struct names *n, size_t i)
{
    return i < n->n ? n->items[i] : NULL;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool names_same_file(const struct names *n, const char *a, const char *b)
{
    struct stat x, y;
    if (!strcmp(a, b))
        return true;
    bool outside =
        mounts_check(n->mounts, a, NULL, NULL) == 0 && mounts_check(n->mounts, b, NULL, NULL) == 0;
    return outside && stat(a, &x) == 0 && stat(b, &y) == 0 && file_is_same(&x, &y);
}

/* Returns whether both are in one directory. False if a directory is not there: then only the same
 * path is the same. */
static bool same_directory(const struct names *n, const char *a, const char *b)
{
    autofree char *x = strndup(a, (size_t)(last_part(a) - a));
    autofree char *y = strndup(b, (size_t)(last_part(b) - b));
    return x && y && names_same_file(n, x, y);
}

bool names_has(const struct names *n, const char *path)
{
    for (size_t i = 0; i < n->n; i++) {
        const char *other = n->items[i];
        if (!strcmp(other, path) ||
            (!strcmp(last_part(other), last_part(path)) && same_directory(n, other, path)))
            return true;
    }
    return false;
}
