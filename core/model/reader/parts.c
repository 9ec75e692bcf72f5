/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parts.c - see parts.h. It has no locks: reader/open.c keeps its results. */
#include "model/reader/parts.h"

#include <errno.h>
#include <stdlib.h>

#include "image/image.h"
#include "model/reader/open.h"
#include "virt/xml.h"

static int read_bytes(void *ctx, void *buf, size_t len, uint64_t offset, struct err *e)
{
    ssize_t n = image_read(ctx, buf, len, offset, e);
    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : err_fail(e, EIO, "the disk ends inside its partition table");
}

/* Returns the size of the disk's sectors by its XML, or 0 if the XML does not tell. */
static unsigned sector_of(const struct snapshot *s, const struct snapshot_disk *disk)
{
    const struct xml_disk *x = s->parsed ? xml_domain_disk(s->parsed->domain, disk->target) : NULL;
    return x ? x->sector : 0;
}

static int find(struct model *m, struct domain *d, const struct snapshot *s,
                const struct snapshot_disk *disk, struct partitions **ret, struct err *e)
{
    struct image *im autodestroy(image_unref) = NULL;
    autofree struct partitions *found = malloc(sizeof(*found));
    if (!found)
        return err_nomem(e);
    int r = model_image_open(m, d, s, disk, &im, e);
    if (r == 0)
        r = partitions_find(read_bytes, im, image_size(im), sector_of(s, disk), found, e);
    if (r == 0)
        *ret = take(found);
    return r;
}

int model_partition(struct model *m, struct domain *d, const struct snapshot *s,
                    const struct snapshot_disk *disk, unsigned number, struct partition *ret,
                    struct err *e)
{
    const struct partitions *known = images_partitions(d, disk);
    if (!known) {
        struct partitions *found = NULL;
        int r = find(m, d, s, disk, &found, e);
        if (r < 0)
            return r;
        known = images_keep_partitions(d, disk, found);
    }
    const struct partition *p = partitions_get(known, number);
    if (p) {
        *ret = *p;
        return 0;
    }
    if (known->wrong)
        return err_fail(e, EINVAL, "cannot find partition %u of disk '%s': %s", number,
                        disk->target, known->wrong);
    return err_fail(e, ENOENT, "disk '%s' has no partition %u", disk->target, number);
}
