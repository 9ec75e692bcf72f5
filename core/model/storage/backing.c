/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backing.c - see backing.h. */
#include "model/storage/backing.h"

#include <stdlib.h>

#include "model/storage/source.h"
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

int backing_take_below(struct volumes *volumes, const struct xml_disk *disk, size_t from,
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
    return backing_take_below(volumes, disk, 0, ret, e);
}
