/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_partitions.c - tables of partitions: honest ones, and those that lie, overlap or loop. */
#include <errno.h>

#include <zlib.h>

#include "image/partitions.h"
#include "base/mem.h"
#include "tap.h"

enum { ROOM = 512 * 1024, CHAIN = 300 };

/* A disk of any size; it has zeros after the given bytes. */
static struct {
    uint8_t bytes[ROOM]; /* its beginning */
    uint8_t end[ROOM];   /* and its end */
    uint64_t size, asked;
    uint64_t fails_at; /* a byte that cannot be read; 0: all can */
} disk;

static uint8_t *at(uint64_t offset)
{
    static uint8_t nowhere[PARTITIONS_SECTOR_MAX];
    if (offset < ROOM)
        return disk.bytes + offset;
    if (disk.size - offset <= ROOM)
        return disk.end + (ROOM - (disk.size - offset));
    memset(nowhere, 0, sizeof(nowhere));
    return nowhere;
}

static int read_disk(void *ctx, void *buf, size_t len, uint64_t offset, struct err *e)
{
    (void)ctx;
    if (offset > disk.size || len > disk.size - offset)
        return err_fail(e, ERANGE, "past the end");
    if (disk.fails_at && offset <= disk.fails_at && disk.fails_at < offset + len)
        return err_fail(e, EIO, "damaged");
    disk.asked += len;
    memcpy(buf, at(offset), len);
    return 0;
}

static void clear(uint64_t size)
{
    memset(&disk, 0, sizeof(disk));
    disk.size = size;
}

static void put(uint8_t *b, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        b[i] = (uint8_t)(value >> 8 * i);
}

static void put_entry(uint64_t table, int i, int type, uint32_t first, uint32_t count)
{
    uint8_t *b = at(table) + 446 + (ptrdiff_t)i * 16;
    b[4] = (uint8_t)type;
    put(b + 8, first, 4);
    put(b + 12, count, 4);
    at(table)[510] = 0x55;
    at(table)[511] = 0xAA;
}

/* "1:OFFSET+LENGTH 2:…" in sectors, and the error. */
static const char *found(unsigned sector)
{
    static char text[4096];
    struct partitions p;
    struct err e = {0};
    size_t n = 0;
    text[0] = '\0';
    disk.asked = 0;
    if (partitions_find(read_disk, NULL, disk.size, sector, &p, &e) < 0)
        return err_name(e.no);
    for (size_t i = 0; i < p.n && n < sizeof(text) - 100; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u:%ju+%ju", i ? " " : "",
                              p.all[i].number, (uintmax_t)(p.all[i].offset / p.sector),
                              (uintmax_t)(p.all[i].length / p.sector));
    if (p.wrong)
        snprintf(text + n, sizeof(text) - n, "%s(%s)", n ? " " : "", p.wrong);
    return text;
}

/* ---- the MBR ---- */

static void test_mbr(void)
{
    clear(1 << 20);
    TAP_STR(found(0), "", "a disk of zeros");
    put_entry(0, 0, 0x83, 8, 100);
    put_entry(0, 2, 0x82, 200, 50);
    TAP_STR(found(0), "1:8+100 3:200+50", "primary ones");
    TAP_STR(found(4096), "1:8+100 3:200+50", "in sectors of 4096 bytes");
    put_entry(0, 1, 0x83, 50, 100);
    TAP_STR(found(0), "1:8+100 2:50+100 3:200+50", "that overlap");
    put_entry(0, 3, 0x83, 2000, 49);
    TAP_STR(found(0), "1:8+100 2:50+100 3:200+50 (a partition is not inside the disk)",
            "past the end");
    put_entry(0, 3, 0x83, UINT32_MAX, UINT32_MAX);
    TAP_STR(found(0), "1:8+100 2:50+100 3:200+50 (a partition is not inside the disk)",
            "far past it");
    at(0)[446] = 0x12;
    TAP_STR(found(0), "", "a boot sector with code where the entries are");
    at(0)[446] = 0x80;
    at(0)[510] = 0;
    TAP_STR(found(0), "", "no signature");
}

static void test_logical(void)
{
    clear(1 << 20);
    put_entry(0, 0, 0x83, 8, 8);
    put_entry(0, 1, 0x0F, 100, 900);
    put_entry(100 * 512, 0, 0x83, 8, 100);
    put_entry(100 * 512, 1, 0x05, 200, 100);
    put_entry(300 * 512, 0, 0x83, 10, 90);
    put_entry(300 * 512, 1, 0x05, 400, 200);
    TAP_STR(found(0), "1:8+8 5:108+100 6:310+90 (a logical partition's table is not there)",
            "a chain that breaks");
    put_entry(500 * 512, 0, 0x83, 20, 100);
    TAP_STR(found(0), "1:8+8 5:108+100 6:310+90 7:520+100", "logical ones");
    put_entry(500 * 512, 2, 0x83, 20, 1000);
    TAP_STR(found(0), "1:8+8 5:108+100 6:310+90 7:520+100", "what some program left behind");
    put_entry(500 * 512, 1, 0x05, 200, 100);
    TAP_STR(found(0),
            "1:8+8 5:108+100 6:310+90 7:520+100 (the tables of the logical partitions never end)",
            "that lead back");
    put_entry(500 * 512, 1, 0x05, 0, 100);
    TAP_STR(found(0),
            "1:8+8 5:108+100 6:310+90 7:520+100 (the tables of the logical partitions never end)",
            "to the first one");
    put_entry(500 * 512, 1, 0x05, UINT32_MAX, 100);
    TAP_STR(found(0),
            "1:8+8 5:108+100 6:310+90 7:520+100 (a logical partition's table is not there)",
            "to nowhere");
    disk.fails_at = 300 * 512;
    TAP_STR(found(0), "EIO", "one that cannot be read");
}

static void test_many_logical(void)
{
    struct partitions p;
    struct err e = {0};
    clear(1 << 30);
    put_entry(0, 0, 0x05, 1, 2000000);
    for (uint32_t i = 0; i < CHAIN; i++) {
        put_entry((1 + (uint64_t)i * 2) * 512, 0, 0x83, 1, 1);
        put_entry((1 + (uint64_t)i * 2) * 512, 1, 0x05, (i + 1) * 2, 2);
    }
    TAP_OK(partitions_find(read_disk, NULL, disk.size, 0, &p, &e) == 0, "%s", e.text);
    TAP_OK(p.n == 124 && p.all[123].number == 128 && p.wrong, "%zu of them, and more: %s", p.n,
           p.wrong);
    TAP_OK(disk.asked < 300 * 512, "%ju bytes are read", (uintmax_t)disk.asked);
}

/* ---- GPT ---- */

struct table {
    uint64_t sector, entries; /* where header and entries are */
    uint32_t count, entry_size;
};

static void put_gpt_entry(const struct table *t, unsigned sector, uint32_t i, uint64_t first,
                          uint64_t last)
{
    uint8_t *b = at(t->entries * sector) + (uint64_t)i * t->entry_size;
    memset(b, 0x5A, 16);
    put(b + 32, first, 8);
    put(b + 40, last, 8);
}

static void seal(const struct table *t, unsigned sector)
{
    uint8_t *b = at(t->sector * sector);
    memcpy(b, "EFI PART\0\0\1\0\x5c\0\0", 16);
    put(b + 24, t->sector, 8);
    put(b + 40, 34, 8);
    put(b + 48, disk.size / sector - 34, 8);
    put(b + 72, t->entries, 8);
    put(b + 80, t->count, 4);
    put(b + 84, t->entry_size, 4);
    put(b + 88, crc32(0, at(t->entries * sector), t->count * t->entry_size), 4);
    put(b + 16, 0, 4);
    put(b + 16, crc32(0, b, 92), 4);
}

static struct table begin_gpt(uint64_t size, unsigned sector)
{
    clear(size);
    put_entry(0, 0, 0xEE, 1, UINT32_MAX);
    const struct table first = {1, 2, 128, 128};
    const uint64_t end = size / sector;
    const struct table second = {end - 1, end - 1 - 128 * 128 / sector, 128, 128};
    seal(&first, sector);
    put_gpt_entry(&second, sector, 1, 50, 59);
    seal(&second, sector);
    return first;
}

static void test_gpt(unsigned sector)
{
    struct table t = begin_gpt(UINT64_C(1) << 40, sector);
    uint64_t end = disk.size / sector;
    TAP_STR(found(0), "", "none in it");
    put_gpt_entry(&t, sector, 0, 40, 49);
    put_gpt_entry(&t, sector, 127, 45, 45);
    TAP_STR(found(0), "2:50+10", "a checksum that is not right: the table at the end");
    seal(&t, sector);
    TAP_STR(found(0), "1:40+10 128:45+1", "the last one has number 128");
    TAP_STR(found(sector), "1:40+10 128:45+1", "the size of sectors is known");
    TAP_STR(found(sector ^ 512 ^ 4096), "(both of its GPTs are damaged)", "and is another");
    TAP_OK(disk.asked < 64 * 1024, "%ju bytes of 1 TiB are read", (uintmax_t)disk.asked);
    put_gpt_entry(&t, sector, 1, 49, 48);
    put_gpt_entry(&t, sector, 2, 0, UINT64_MAX);
    put_gpt_entry(&t, sector, 3, end - 1, end - 1);
    put_gpt_entry(&t, sector, 4, end, end);
    seal(&t, sector);
    char expected[100];
    snprintf(expected, sizeof(expected),
             "1:40+10 4:%ju+1 128:45+1 (a partition is not inside the disk)", (uintmax_t)(end - 1));
    TAP_STR(found(0), expected, "ends before beginnings, and past the disk");
    disk.fails_at = t.entries * sector + sector;
    TAP_STR(found(0), "EIO", "entries that cannot be read");
}

static void test_gpt_that_lies(void)
{
    struct table t = begin_gpt(1 << 30, 512), lie;
    put_gpt_entry(&t, 512, 0, 40, 49);
    seal(&t, 512);
    TAP_STR(found(0), "1:40+10", "an honest one");
    const struct table lies[] = {{1, 2, 128, 96},         {1, 2, 128, 0},
                                 {1, 2, 128, 1024},       {1, 2, 0x10000000, 128},
                                 {1, UINT64_MAX, 1, 128}, {1, (1 << 21) - 1, 128, 128}};
    for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
        lie = lies[i];
        uint8_t *b = at(512);
        seal(&t, 512);
        put(b + 72, lie.entries, 8);
        put(b + 80, lie.count, 4);
        put(b + 84, lie.entry_size, 4);
        put(b + 16, 0, 4);
        put(b + 16, crc32(0, b, 92), 4);
        TAP_STR(found(0), "2:50+10", "a lie: the table at the end");
    }
    seal(&t, 512);
    t.entry_size = 256;
    put_gpt_entry(&t, 512, 1, 60, 69);
    seal(&t, 512);
    TAP_STR(found(0), "1:40+10 2:60+10", "larger entries");
    t = (struct table){1, 2, 130, 128};
    put_gpt_entry(&t, 512, 129, 70, 79);
    seal(&t, 512);
    TAP_OK(strstr(found(0), "(there are more than 128 partitions)"), "%s", found(0));
    memcpy(at(512), "XFI", 3);
    memcpy(at(disk.size - 512), "XFI", 3);
    TAP_STR(found(0), "(both of its GPTs are damaged)", "neither is there");
    clear(100);
    TAP_STR(found(0), "", "a disk without a sector");
    clear(512);
    put_entry(0, 0, 0xEE, 1, 1);
    TAP_STR(found(0), "(both of its GPTs are damaged)", "a disk of one sector");
}

static void test_get(void)
{
    struct partitions p = {.n = 2, .all = {{1, 512, 512}, {5, 1024, 512}}};
    TAP_OK(partitions_get(&p, 5) == &p.all[1] && !partitions_get(&p, 2), "by number");
}

int main(void)
{
    test_mbr();
    test_logical();
    test_many_logical();
    test_gpt(512);
    test_gpt(4096);
    test_gpt_that_lies();
    test_get();
    return tap_done();
}
