/* SPDX-License-Identifier: GPL-3.0-or-later */
/* partitions.c - see partitions.h: chooses which table counts. snapfs reads the tables as Linux does
 * (its block/partitions/efi.c and msdos.c), because that is the view of the guest. */
#include "image/partitions.h"

#include "image/gpt.h"
#include "image/mbr.h"

enum { SECTOR = 512 };

/* Finds the GPT in the disk's second sector, or else in its last one. It tries the known size of a
 * sector, or both sizes. Returns 1 and fills *ret, 0 if no GPT is right, or -errno. */
static int find_gpt(struct disk *d, unsigned sector, struct partitions *ret, struct err *e)
{
    static const unsigned sizes[] = {SECTOR, PARTITIONS_SECTOR_MAX};
    int r = 0;
    for (unsigned i = 0; r == 0 && i < 4; i++) {
        d->sector = sizes[i % 2];
        uint64_t end = d->size / d->sector;
        if ((!sector || sector == d->sector) && end > 1)
            r = gpt_read(d, i < 2 ? 1 : end - 1, ret, e);
    }
    return r;
}

int partitions_find(partitions_read *read, void *ctx, uint64_t size, unsigned sector,
                    struct partitions *ret, struct err *e)
{
    uint8_t mbr[SECTOR];
    struct disk d = {.read = read, .ctx = ctx, .size = size, .sector = SECTOR};
    unsigned known = sector == PARTITIONS_SECTOR_MAX ? sector : SECTOR;
    *ret = (struct partitions){.sector = known};
    int r = disk_sector(&d, 0, mbr, e);
    if (r <= 0 || !mbr_is(mbr))
        return r < 0 ? r : 0;
    if (!mbr_is_protective(mbr)) {
        d.sector = known;
        return mbr_read(&d, mbr, ret, e);
    }
    r = find_gpt(&d, sector, ret, e);
    if (r == 0)
        *ret = (struct partitions){.sector = known, .wrong = "both of its GPTs are damaged"};
    return r < 0 ? r : 0;
}

const struct partition *partitions_get(const struct partitions *p, unsigned number)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->all[i].number == number)
            return &p->all[i];
    return NULL;
}
