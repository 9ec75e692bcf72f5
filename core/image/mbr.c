/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mbr.c - see mbr.h. */
#include "image/mbr.h"

#include "base/mem.h"

enum {
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

/* The walk from one table of logical partitions to the next. */
struct chain {
    uint64_t begin;    /* the extended partition's first sector; all links count from it */
    uint64_t at, size; /* of this table, and of the sectors that it describes */
    unsigned number;   /* of the next logical partition */
};

/* Tells whether an entry is unused. The last two entries are often remains of some program. */
static bool is_unused_entry(const struct chain *c, const struct entry *x, int i, uint64_t extended)
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
        if (c->at != c->begin) /* an extended partition may be empty */
            ret->wrong = "a logical partition's table is not there";
        return 0;
    }
    for (int i = 0; i < ENTRIES; i++) {
        struct entry x = entry_at(b, i);
        if (x.count && !is_extended(&x) && !is_unused_entry(c, &x, i, extended))
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

/* A file system's boot sector ends like an MBR, but has code in the place of the entries. */
bool mbr_is(const uint8_t *b)
{
    if (!has_signature(b))
        return false;
    for (int i = 0; i < ENTRIES; i++)
        if (entry_at(b, i).active & 0x7F)
            return false;
    return true;
}

int mbr_read(const struct disk *d, const uint8_t *b, struct partitions *ret, struct err *e)
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

bool mbr_is_protective(const uint8_t *mbr)
{
    for (int i = 0; i < ENTRIES; i++)
        if (entry_at(mbr, i).type == TYPE_GPT)
            return true;
    return false;
}
