/* SPDX-License-Identifier: GPL-3.0-or-later */
/* partition_table.c - see partition_table.h. */
#include "image/partition_table.h"

int disk_sector(const struct disk *d, uint64_t number, uint8_t *buf, struct err *e)
{
    if (number >= d->size / d->sector)
        return 0;
    int r = d->read(d->ctx, buf, d->sector, number * d->sector, e);
    return r < 0 ? r : 1;
}

void partitions_add(struct partitions *ret, const struct disk *d, unsigned number, uint64_t first,
                    uint64_t sectors)
{
    uint64_t end = d->size / d->sector;
    if (number > PARTITIONS_MAX || ret->n == PARTITIONS_MAX)
        ret->wrong = "there are more than 128 partitions";
    else if (first >= end || !sectors || sectors > end - first)
        ret->wrong = "a partition is not inside the disk";
    else
        ret->all[ret->n++] = (struct partition){number, first * d->sector, sectors * d->sector};
}
