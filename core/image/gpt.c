/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gpt.c - see gpt.h. The UEFI specification defines the fields in its chapter 5.3. */
#include "image/gpt.h"

#include <string.h>

#include <zlib.h>

#include "base/mem.h"

enum {
    HEADER_MIN = 92,
    AT_HEADER_SIZE = 12,
    AT_HEADER_CRC = 16,
    AT_OWN = 24,
    AT_FIRST_USABLE = 40,
    AT_LAST_USABLE = 48,
    AT_ENTRIES = 72,
    AT_COUNT = 80,
    AT_ENTRY_SIZE = 84,
    AT_ENTRIES_CRC = 88,
    ENTRY_MIN = 128, /* a power of 2, and at most a sector here */
    AT_BEGIN = 32,   /* after the GUIDs of the entry's type and its own */
    AT_END = 40,
    GUID = 16,
    ENTRIES_BYTES_MAX = 1024 * 1024 /* Linux accepts 256 entries; many tables have 128 */
};

struct header {
    uint64_t entries; /* the first sector of the table */
    uint32_t count, entry_size, crc;
    uint64_t first, last; /* sectors that partitions may have */
};

static bool crc_is_right(uint8_t *b, uint32_t size)
{
    uint32_t wanted = le32(b + AT_HEADER_CRC);
    memset(b + AT_HEADER_CRC, 0, 4);
    return crc32(0, b, size) == wanted;
}

static bool is_power_of_2(uint32_t n)
{
    return n && !(n & (n - 1));
}

/* Reads a header from a sector. The header must name that sector as its own place. */
static bool parse(const struct disk *d, uint64_t sector, uint8_t *b, struct header *ret)
{
    uint32_t size = le32(b + AT_HEADER_SIZE);
    uint64_t end = d->size / d->sector; /* the first sector after the disk */
    if (memcmp(b, "EFI PART", 8) != 0 || size < HEADER_MIN || size > d->sector ||
        le64(b + AT_OWN) != sector || !crc_is_right(b, size))
        return false;
    *ret = (struct header){.entries = le64(b + AT_ENTRIES),
                           .count = le32(b + AT_COUNT),
                           .entry_size = le32(b + AT_ENTRY_SIZE),
                           .crc = le32(b + AT_ENTRIES_CRC),
                           .first = le64(b + AT_FIRST_USABLE),
                           .last = le64(b + AT_LAST_USABLE)};
    uint64_t bytes = (uint64_t)ret->count * ret->entry_size;
    return is_power_of_2(ret->entry_size) && ret->entry_size >= ENTRY_MIN &&
           ret->entry_size <= d->sector && bytes <= ENTRIES_BYTES_MAX && ret->first <= ret->last &&
           ret->last < end && ret->entries < end &&
           (bytes + d->sector - 1) / d->sector <= end - ret->entries;
}

/* Adds a partition. An entry whose last sector is before its first sector makes no partition, and
 * neither does an entry that is not inside the disk. */
static void add_entry(const struct disk *d, const uint8_t *b, uint32_t index,
                      struct partitions *ret)
{
    uint64_t first = le64(b + AT_BEGIN), last = le64(b + AT_END);
    bool possible = first <= last && last != UINT64_MAX;
    if (!mem_is_zero(b, GUID))
        partitions_add(ret, d, index + 1, first, possible ? last - first + 1 : 0);
}

/* Reads the entries. The checksum covers all sectors of the table. */
static int read_entries(const struct disk *d, const struct header *h, struct partitions *ret,
                        struct err *e)
{
    uint8_t b[PARTITIONS_SECTOR_MAX];
    uint64_t left = (uint64_t)h->count * h->entry_size;
    uint32_t crc = 0, index = 0;
    for (uint64_t at = h->entries; left; at++) {
        size_t len = (size_t)min_u64(left, d->sector);
        int r = disk_sector(d, at, b, e);
        if (r <= 0)
            return r;
        crc = (uint32_t)crc32(crc, b, (uInt)len);
        for (size_t pos = 0; pos < len; pos += h->entry_size)
            add_entry(d, b + pos, index++, ret);
        left -= len;
    }
    return crc == h->crc;
}

int gpt_read(const struct disk *d, uint64_t sector, struct partitions *ret, struct err *e)
{
    uint8_t b[PARTITIONS_SECTOR_MAX];
    struct header h;
    *ret = (struct partitions){.sector = d->sector};
    int r = disk_sector(d, sector, b, e);
    if (r == 1)
        r = parse(d, sector, b, &h);
    return r == 1 ? read_entries(d, &h, ret, e) : r;
}
