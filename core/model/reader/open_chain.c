/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open_chain.c - see reader/open_chain.h. No locks. */
#include "model/reader/open_chain.h"

#include "model/reader/image_backing.h"
#include "model/reader/policy.h"
#include "model/state.h"
#include "model/storage/remedy.h"

int images_open_chain(struct model *m, struct domain *d, const struct snapshot *s,
                      const struct snapshot_disk *disk, struct image **ret, struct err *e)
{
    struct allowance a = {
        .model = m, .domain = d, .snapshot = s, .memory = disk->memory ? disk->path : NULL};
    struct image_policy policy = policy_of(&a);
    autobacking struct backing b = {0};
    int r = backing_of_image(d, s, disk, &b, e);
    return r < 0 ? r : remedy_add(m->virt, image_open(&b.source, &policy, ret, e), e);
}

int images_each_file(struct model *m, struct domain *d, const struct snapshot *s,
                     const struct snapshot_disk *disk, image_see *see, void *ctx, struct err *e)
{
    struct image *im autodestroy(image_unref) = NULL;
    int r = disk->no ? err_fail(e, disk->no, "%s", disk->reason)
                     : images_open_chain(m, d, s, disk, &im, e);
    return r < 0 ? r : image_each_file(im, see, ctx, e);
}
