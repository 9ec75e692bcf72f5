/* names.c - see names.h. No locks. */
#include "model/names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct names {
    char **items;
    size_t n;
};

struct names *names_new(void)
{
    return calloc(1, sizeof(struct names));
}

void names_free(struct names *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->n; i++)
        free(n->items[i]);
    free(n->items);
    free(n);
}

bool names_add(struct names *n, const char *path)
{
    if (!path)
        return true;
    char **more = reallocarray(n->items, n->n + 1, sizeof(*more));
    if (!more)
        return false;
    n->items = more;
    more[n->n] = strdup(path);
    return more[n->n] && ++n->n;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* False where a directory is not there: then only the same path is the same. */
static bool same_directory(const char *a, const char *b)
{
    autofree char *x = strndup(a, (size_t)(last_part(a) - a));
    autofree char *y = strndup(b, (size_t)(last_part(b) - b));
    struct stat p, q;
    return x && y && stat(x, &p) == 0 && stat(y, &q) == 0 && p.st_dev == q.st_dev &&
           p.st_ino == q.st_ino;
}

bool names_has(const struct names *n, const char *path)
{
    for (size_t i = 0; i < n->n; i++) {
        const char *other = n->items[i];
        if (!strcmp(other, path) ||
            (!strcmp(last_part(other), last_part(path)) && same_directory(other, path)))
            return true;
    }
    return false;
}
