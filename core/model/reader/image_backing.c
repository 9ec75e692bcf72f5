/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_backing.c - see reader/image_backing.h. No locks. */
#include "model/reader/image_backing.h"

#include <string.h>

#include "base/hash.h"
#include "model/catalog/tag_dirs.h"
#include "model/reader/policy.h"
#include "model/reader/tag_backing.h"
#include "model/storage/source.h"

/* Returns the number of the layer that has that path in the disk's XML, or SIZE_MAX. */
static size_t find_layer(struct volumes *volumes, const struct xml_disk *disk, const char *path)
{
    for (size_t i = 0; i <= disk->n_backing; i++) {
        const char *named = policy_path(volumes, i ? &disk->backing[i - 1] : &disk->source);
        if (named && !strcmp(named, path))
            return i;
    }
    return SIZE_MAX;
}

/* Returns 1 if the disk of that target has the file in its chain. */
static int take_found(struct domain *d, const struct xml_domain *x, const char *target,
                      const char *path, struct backing *ret, struct err *e)
{
    const struct xml_disk *disk = x ? xml_domain_disk(x, target) : NULL;
    size_t at = disk ? find_layer(d->volumes, disk, path) : SIZE_MAX;
    if (at == SIZE_MAX)
        return 0;
    int r = backing_take_below(d->volumes, disk, at, ret, e);
    return r < 0 ? r : 1;
}

static int find_untracked(struct domain *d, const char *target, const char *path,
                          struct backing *ret, struct err *e)
{
    int r = take_found(d, policy_live(d), target, path, ret, e);
    for (size_t i = 0; r == 0 && i < d->n; i++)
        r = take_found(d, d->all[i].parsed->domain, target, path, ret, e);
    return r < 0 ? r : 0;
}

void backing_note_untracked(struct model *m, struct domain *d, const char *target, const char *path,
                            const struct image_tag *tag, const struct image_tags *table)
{
    autobacking struct backing b = {0};
    struct err ignored;
    uint64_t state = image_id_lasting(HASH_START, &tag->identity);
    if (find_untracked(d, target, path, &b, &ignored) < 0)
        return;
    if (b.source.n_below)
        tag_backing_note(m, d, path, state, b.below->path, b.below->format);
    else if (!b.source.ends)
        tag_backing_note(m, d, path, state, table->backing, table->backing_format);
}

/* Puts the file that snapfs has seen below the tag into *ret. Returns 1 if that file is still
 * there. */
static int take_seen(const struct domain *d, const struct snapshot_disk *disk, struct backing *ret,
                     struct err *e)
{
    struct tag_backing seen;
    tag_backing_find(d, disk, &seen);
    ret->seen = seen.path;
    if (!seen.path || !seen.there)
        return 0;
    memcpy(ret->seen_format, seen.format, sizeof(ret->seen_format));
    free(ret->below);
    ret->below = calloc(1, sizeof(*ret->below));
    if (!ret->below)
        return err_nomem(e);
    *ret->below = (struct image_below){.path = seen.path, .format = ret->seen_format};
    ret->source.below = ret->below;
    ret->source.n_below = 1;
    return 1;
}

/* Takes the file that was seen first, because the domain's XML tells of its disk as it is now. */
static int untracked_backing(struct domain *d, const struct snapshot_disk *disk,
                             struct backing *ret, struct err *e)
{
    int r = take_seen(d, disk, ret, e);
    if (r == 0)
        r = find_untracked(d, disk->target, disk->path, ret, e);
    return r < 0 ? r : 0;
}

int backing_of_image(struct domain *d, const struct snapshot *s, const struct snapshot_disk *disk,
                     struct backing *ret, struct err *e)
{
    *ret = (struct backing){.source = {.path = disk->path,
                                       .format = disk->format,
                                       .tag = disk->tag,
                                       .id = disk->untracked_tag ? disk->untracked_tag->id : NULL,
                                       .memory = disk->memory}};
    const struct xml_disk *x = xml_domain_disk(s->parsed->domain, disk->target);
    if (disk->untracked_tag)
        return untracked_backing(d, disk, ret, e);
    if (disk->memory)
        return 0;
    int r = x ? backing_take_below(d->volumes, x, 0, ret, e) : 0;
    if (r == 0 && disk->tag && !ret->source.n_below && !ret->source.ends)
        r = take_seen(d, disk, ret, e);
    return r < 0 ? r : 0;
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
