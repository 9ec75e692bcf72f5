/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mount_path.c - see graph/mount_path.h. Pure. */
#include "model/graph/mount_path.h"

#include <string.h>

/* The place of a walk: outside the domain, in one of its own directories, or in a snapshot's. */
struct stand {
    enum { OUTSIDE, AT_ROOT, AT_DOMAIN, AT_SNAPSHOTS, AT_BY_NAME, AT_SNAPSHOT } at;
    const struct snapshot *snapshot;
};

static struct stand stand_in(const struct snapshot *s)
{
    return (struct stand){s ? AT_SNAPSHOT : OUTSIDE, s};
}

static const struct snapshot *child(struct snapshot *const *list, size_t n, const char *coded)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i]->coded, coded))
            return list[i];
    return NULL;
}

static struct stand up(struct stand w)
{
    switch (w.at) {
    case AT_SNAPSHOT:
        if (w.snapshot->in_by_name)
            return (struct stand){AT_BY_NAME, NULL};
        if (w.snapshot->parent)
            return stand_in(w.snapshot->parent);
        return (struct stand){AT_SNAPSHOTS, NULL};
    case AT_SNAPSHOTS:
    case AT_BY_NAME:
        return (struct stand){AT_DOMAIN, NULL};
    default:
        return (struct stand){AT_ROOT, NULL};
    }
}

static struct stand from_domain(const struct domain *d, const char *name)
{
    if (!strcmp(name, "snapshots") || (!strcmp(name, "current") && !d->current))
        return (struct stand){AT_SNAPSHOTS, NULL};
    if (!strcmp(name, "by-name"))
        return (struct stand){AT_BY_NAME, NULL};
    return stand_in(!strcmp(name, "current") ? d->current : NULL);
}

static struct stand down(const struct domain *d, struct stand w, const char *name)
{
    switch (w.at) {
    case AT_ROOT:
        return (struct stand){strcmp(name, d->coded) ? OUTSIDE : AT_DOMAIN, NULL};
    case AT_DOMAIN:
        return from_domain(d, name);
    case AT_SNAPSHOTS:
        return stand_in(child(d->roots, d->n_roots, name));
    case AT_BY_NAME:
        return stand_in(domain_find_coded(d, name));
    case AT_SNAPSHOT:
        if (snapshot_find_disk(w.snapshot, name))
            return w;
        return stand_in(child(w.snapshot->children, w.snapshot->n_children, name));
    default:
        return w;
    }
}

/* Copies the next name of the path, and moves *path past that name. The caller owns the copy.
 * Returns NULL at the path's end. *ret_last tells whether the name is the last name. Without
 * memory, sets *ret_failed. */
static char *next_name(const char **path, bool *ret_last, bool *ret_failed)
{
    const char *p = *path + strspn(*path, "/");
    size_t len = strcspn(p, "/");
    *path = p + len;
    *ret_last = !p[len + strspn(p + len, "/")];
    char *name = len ? strndup(p, len) : NULL;
    *ret_failed |= len && !name;
    return name;
}

/* Returns the place that the path leads to. *ret_through tells whether the path leads through the
 * directory of `s`, or ends there. */
static struct stand walk(const struct domain *d, const char *path, const struct snapshot *s,
                         bool *ret_through)
{
    struct stand w = {AT_ROOT, NULL};
    bool last = false, failed = false;
    char *name;
    *ret_through = false;
    while (w.at != OUTSIDE && (name = next_name(&path, &last, &failed))) {
        struct stand before = w;
        if (!strcmp(name, ".."))
            w = up(w);
        else if (strcmp(name, ".") != 0)
            w = down(d, w, name);
        /* In a snapshot's directory the last name is an image's, also of a kind not listed. */
        if (last && w.at == OUTSIDE && before.at == AT_SNAPSHOT)
            w = before;
        *ret_through |= w.at == AT_SNAPSHOT && w.snapshot == s;
        free(name);
    }
    return failed ? (struct stand){OUTSIDE, NULL} : w;
}

const struct snapshot *mount_path_snapshot(const struct domain *d, const char *path)
{
    bool through;
    return walk(d, path, NULL, &through).snapshot;
}

/* ---- a path that leads nowhere ---- */

static bool is_fixed(const char *name)
{
    static const char *const fixed[] = {"snapshots", "by-name", "current", ".", ".."};
    for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
        if (!strcmp(name, fixed[i]))
            return true;
    return false;
}

/* Returns whether that snapshot is among the path's names, or no snapshot is. Looks only at names
 * after the domain's name and before the image's name. A tag in `unmanaged` is a user of its
 * own. */
static bool may_name(const char *path, const char *coded)
{
    bool last = false, failed = false, any = false, found = false;
    char *name = next_name(&path, &last, &failed);
    free(name);
    for (bool first = true; !last && !failed && (name = next_name(&path, &last, &failed));
         first = false) {
        if (first && !strcmp(name, "unmanaged")) {
            free(name);
            return false;
        }
        bool names = !last && !is_fixed(name);
        any |= names;
        found |= names && !strcmp(name, coded);
        free(name);
    }
    return found || !any || failed;
}

/* Returns whether the path may lead into this domain's directory. */
static bool may_be_in(const struct domain *d, const char *path, bool known)
{
    autofree char *name = mount_path_domain(path);
    return !known || !name || !strcmp(name, d->coded);
}

bool mount_path_reads(const struct domain *d, const struct snapshot *s, const char *path,
                      bool known)
{
    bool through;
    struct stand w = walk(d, path, s, &through);
    if (w.at == AT_SNAPSHOT)
        return w.snapshot == s;
    return may_be_in(d, path, known) && may_name(path, s->coded);
}

bool mount_path_uses(const struct domain *d, const struct snapshot *s, const char *path, bool known)
{
    bool through;
    walk(d, path, s, &through);
    return through || mount_path_reads(d, s, path, known);
}

/* Knows the shapes DOMAIN/by-name/NAME/IMAGE and DOMAIN/snapshots/NAME/…/IMAGE. */
char *mount_path_guess(const char *path)
{
    static const char *const rooms[] = {"/by-name/", "/snapshots/"};
    const char *room = NULL;
    for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++) {
        const char *at = strstr(path, rooms[i]);
        if (at && (!room || at < room))
            room = at;
    }
    const char *name = room ? strchr(room + 1, '/') + 1 : NULL, *image = strrchr(path, '/');
    if (!room || room == path || image <= name)
        return NULL;
    const char *domain = memrchr(path, '/', (size_t)(room - path));
    return domain ? strdup(domain) : NULL;
}

char *mount_path_domain(const char *path)
{
    bool last, failed = false;
    return next_name(&path, &last, &failed);
}

bool mount_path_is_current(const char *path)
{
    bool last, failed = false;
    free(next_name(&path, &last, &failed));
    autofree char *name = next_name(&path, &last, &failed);
    return name && !strcmp(name, "current");
}
