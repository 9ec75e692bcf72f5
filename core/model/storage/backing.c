/* backing.c - see backing.h. */
#include "model/storage/backing.h"

#include <string.h>

#include "model/reader/policy.h"
#include "model/reader/tag_dirs.h"
#include "model/storage/volumes.h"

void backing_drop(struct backing *b)
{
    free(b->below);
    *b = (struct backing){0};
}

static struct image_below layer_of(struct volumes *volumes, const struct xml_source *s)
{
    return (struct image_below){.path = policy_path(volumes, s),
                                .anywhere = !volumes_knows(volumes, s),
                                .format = policy_format(s)};
}

/* What the XML says of those below its layer number `from`; 0 = the disk's own file. */
static int take_below(struct volumes *volumes, const struct xml_disk *disk, size_t from,
                      struct backing *ret, struct err *e)
{
    size_t n = disk->n_backing - from;
    ret->below = calloc(n + 1, sizeof(*ret->below));
    if (!ret->below)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++)
        ret->below[i] = layer_of(volumes, &disk->backing[from + i]);
    ret->source.below = ret->below;
    ret->source.n_below = n;
    ret->source.ends = disk->ends;
    return 0;
}

int backing_of(struct volumes *volumes, const struct xml_disk *disk, struct backing *ret,
               struct err *e)
{
    *ret = (struct backing){.source = {.path = policy_path(volumes, &disk->source),
                                       .format = policy_format(&disk->source)}};
    return take_below(volumes, disk, 0, ret, e);
}

/* The number of the layer that has that path in the disk's XML; SIZE_MAX: none has. */
static size_t find_layer(struct volumes *volumes, const struct xml_disk *disk, const char *path)
{
    for (size_t i = 0; i <= disk->n_backing; i++) {
        const char *named = policy_path(volumes, i ? &disk->backing[i - 1] : &disk->source);
        if (named && !strcmp(named, path))
            return i;
    }
    return SIZE_MAX;
}

/* 1: the disk of that target has the file in its chain. */
static int take_found(struct domain *d, const struct xml_domain *x, const char *target,
                      const char *path, struct backing *ret, struct err *e)
{
    const struct xml_disk *disk = x ? xml_domain_disk(x, target) : NULL;
    size_t at = disk ? find_layer(d->volumes, disk, path) : SIZE_MAX;
    if (at == SIZE_MAX)
        return 0;
    int r = take_below(d->volumes, disk, at, ret, e);
    return r < 0 ? r : 1;
}

static int find_stray(struct domain *d, const struct snapshot_disk *disk, struct backing *ret,
                      struct err *e)
{
    int r = take_found(d, policy_live(d), disk->target, disk->path, ret, e);
    for (size_t i = 0; r == 0 && i < d->n; i++)
        r = take_found(d, d->all[i].parsed->domain, disk->target, disk->path, ret, e);
    return r < 0 ? r : 0;
}

int backing_of_image(struct domain *d, const struct snapshot *s, const struct snapshot_disk *disk,
                     struct backing *ret, struct err *e)
{
    *ret = (struct backing){.source = {.path = disk->path,
                                       .format = disk->format,
                                       .tag = disk->tag,
                                       .id = disk->stray ? disk->stray->id : NULL,
                                       .memory = disk->memory}};
    const struct xml_disk *x = xml_domain_disk(s->parsed->domain, disk->target);
    if (disk->stray)
        return find_stray(d, disk, ret, e);
    return disk->memory || !x ? 0 : take_below(d->volumes, x, 0, ret, e);
}

int backing_layers(const struct domain *d, const struct snapshot *s, const struct xml_disk *disk,
                   struct image_layer **ret, size_t *ret_n, struct err *e)
{
    struct allowance a = {.domain = d, .snapshot = s, .anywhere = true};
    struct image_policy policy = policy_of(&a);
    autobacking struct backing b = {0};
    bool unknown;
    *ret = NULL;
    *ret_n = 0;
    int r = backing_of(d->volumes, disk, &b, e);
    return r < 0 ? r : image_layers(&b.source, &policy, ret, ret_n, &unknown, e);
}
