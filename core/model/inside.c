/* inside.c - see inside.h. Pure. */
#include "model/inside.h"

#include <string.h>

/* Where a walk stands: outside the domain, in one of its own directories, or in a snapshot's. */
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

const struct snapshot *inside_snapshot(const struct domain *d, const char *path)
{
    struct stand w = {AT_ROOT, NULL};
    for (const char *p = path + strspn(path, "/"); *p && w.at != OUTSIDE; p += strspn(p, "/")) {
        size_t len = strcspn(p, "/");
        autofree char *name = strndup(p, len);
        if (!name)
            return NULL;
        if (!strcmp(name, ".."))
            w = up(w);
        else if (strcmp(name, ".") != 0)
            w = down(d, w, name);
        p += len;
    }
    return w.snapshot;
}
