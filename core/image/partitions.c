/* SPDX-License-Identifier: GPL-3.0-or-later */
/* partitions.c - see partitions.h: reads the MBR, and chooses which table counts. It reads them as
 * Linux does (its block/partitions/efi.c and msdos.c), because that is the view of the guest. */
#include "image/partitions.h"

#include <string.h>

#include "base/mem.h"
#include "image/gpt.h"

enum {
    SECTOR = 512,
    AT_ENTRIES = 446, /* of an MBR, and of each table of logical partitions */
    ENTRIES = 4,
    ENTRY = 16, /* bytes; the first byte is 0 or 128 */
    AT_TYPE = 4,
    AT_FIRST = 8, /* le32 sectors */
    AT_COUNT = 12,
    AT_SIGNATURE = 510,
    TYPE_GPT = 0xEE,
    FIRST_LOGICAL = 5,
    HOPS_MAX = 2 * PARTITIONS_MAX /* tables of logical partitions, some of which may be empty */
};

struct entry {
    uint8_t active, type;
    uint32_t first, count; /* sectors */
};

static struct entry entry_at(const uint8_t *sector, int i)
{
    const uint8_t *b = sector + AT_ENTRIES + (ptrdiff_t)i * ENTRY;
    return (struct entry){b[0], b[AT_TYPE], le32(b + AT_FIRST), le32(b + AT_COUNT)};
}

static bool is_extended(const struct entry *x)
{
    return x->count && (x->type == 0x05 || x->type == 0x0F || x->type == 0x85);
}

static bool has_signature(const uint8_t *sector)
{
    return sector[AT_SIGNATURE] == 0x55 && sector[AT_SIGNATURE + 1] == 0xAA;
}

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

/* ---- the MBR ---- */

/* The walk from one table of logical partitions to the next. */
struct chain {
    uint64_t begin;    /* the extended partition's first sector; all links count from it */
    uint64_t at, size; /* of this table, and of the sectors that it describes */
    unsigned number;   /* of the next logical partition */
};

/* Tells whether an entry is unused. The last two entries are often remains of some program. */
static bool is_unused_file(const struct chain *c, const struct entry *x, int i, uint64_t extended)
{
    uint64_t first = c->at + x->first;
    return i >= 2 && ((uint64_t)x->first + x->count > c->size || first < c->begin ||
                      first + x->count > c->begin + extended);
}

/* Reads one table. Returns 1 if c->at has the next table, 0 if this was the last one, or -errno. */
static int chain_step(const struct disk *d, struct chain *c, uint64_t extended,
                      struct partitions *ret, struct err *e)
{
    uint8_t b[PARTITIONS_SECTOR_MAX];
    int r = disk_sector(d, c->at, b, e);
    if (r < 0)
        return r;
    if (!r || !has_signature(b)) {
        if (c->at != c->begin) /* an extended partition may have no logical one */
            ret->wrong = "a logical partition's table is not there";
        return 0;
    }
    for (int i = 0; i < ENTRIES; i++) {
        struct entry x = entry_at(b, i);
        if (x.count && !is_extended(&x) && !is_unused_file(c, &x, i, extended))
            partitions_add(ret, d, c->number++, c->at + x.first, x.count);
    }
    for (int i = 0; i < ENTRIES; i++) {
        struct entry x = entry_at(b, i);
        if (is_extended(&x)) {
            c->at = c->begin + x.first;
            c->size = x.count;
            return 1;
        }
    }
    return 0;
}

/* Reads the logical partitions. Tables that form a loop are detected by a list of all sectors
 * visited. */
static int read_logical(const struct disk *d, const struct entry *extended, unsigned *number,
                        struct partitions *ret, struct err *e)
{
    uint64_t seen[HOPS_MAX];
    struct chain c = {.begin = extended->first,
                      .at = extended->first,
                      .size = extended->count,
                      .number = *number};
    int r = 1;
    for (unsigned hops = 0; r == 1; hops++) {
        bool again = hops == HOPS_MAX;
        for (unsigned i = 0; i < hops && !again; i++)
            again = seen[i] == c.at;
        if (again) {
            ret->wrong = "the tables of the logical partitions never end";
            break;
        }
        seen[hops] = c.at;
        r = chain_step(d, &c, extended->count, ret, e);
    }
    *number = c.number;
    return r < 0 ? r : 0;
}

/* Tells whether a sector is an MBR. A file system's boot sector ends like an MBR, but has code in
 * the place of the entries. */
static bool is_mbr(const uint8_t *b)
{
    if (!has_signature(b))
        return false;
    for (int i = 0; i < ENTRIES; i++)
        if (entry_at(b, i).active & 0x7F)
            return false;
    return true;
}

static int read_mbr(const struct disk *d, const uint8_t *b, struct partitions *ret, struct err *e)
{
    unsigned number = FIRST_LOGICAL;
    int r = 0;
    *ret = (struct partitions){.sector = d->sector};
    for (int i = 0; i < ENTRIES; i++) {
        struct entry x = entry_at(b, i);
        if (x.count && !is_extended(&x))
            partitions_add(ret, d, (unsigned)i + 1, x.first, x.count);
    }
    for (int i = 0; r == 0 && i < ENTRIES; i++) {
        struct entry x = entry_at(b, i);
        if (is_extended(&x))
            r = read_logical(d, &x, &number, ret, e);
    }
    return r;
}

/* ---- which table ---- */

static bool is_protective(const uint8_t *mbr)
{
    for (int i = 0; i < ENTRIES; i++)
        if (entry_at(mbr, i).type == TYPE_GPT)
            return true;
    return false;
}

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
    if (r <= 0 || !is_mbr(mbr))
        return r < 0 ? r : 0;
    if (!is_protective(mbr)) {
        d.sector = known;
        return read_mbr(&d, mbr, ret, e);
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
