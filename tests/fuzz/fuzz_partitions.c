/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_partitions.c - the input is one byte that says how, then a disk's beginning and its end. */
#include <zlib.h>

#include "base/mem.h"
#include "image/partitions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEALED = 1, KNOWN = 2, LARGE_SECTORS = 4, SIZES = 3 /* bits from this one on */ };

struct disk_of {
    const uint8_t *bytes;
    size_t n;
    uint64_t size, asked;
};

/* What is neither in the first nor in the second half of the input is zeros. */
static int read_disk(void *ctx, void *buf, size_t len, uint64_t offset, struct err *e)
{
    struct disk_of *d = ctx;
    (void)e;
    if (offset > d->size || len > d->size - offset || (d->asked += len) > PARTITIONS_BYTES_MAX)
        __builtin_trap();
    memset(buf, 0, len);
    if (offset < d->n)
        memcpy(buf, d->bytes + offset, (size_t)min_u64(len, d->n - offset));
    else if (d->size - offset <= d->n / 2)
        memcpy(buf, d->bytes + (d->n - (d->size - offset)), len);
    return 0;
}

static void put32(uint8_t *b, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        b[i] = (uint8_t)(value >> 8 * i);
}

/* Makes the checksums of the first GPT right, which no input comes upon by itself. */
static void seal(uint8_t *b, size_t n, unsigned sector)
{
    if (n < 2 * (size_t)sector)
        return;
    uint8_t *header = b + sector;
    uint64_t at = le64(header + 72), len = (uint64_t)le32(header + 80) * le32(header + 84);
    if (at < n / sector && len <= n - at * sector)
        put32(header + 88, (uint32_t)crc32(0, b + at * sector, (uInt)len));
    put32(header + 16, 0);
    put32(header + 16, (uint32_t)crc32(0, header, (uInt)min_u64(le32(header + 12), sector)));
}

static void check(const struct partitions *p, uint64_t size)
{
    if (p->n > PARTITIONS_MAX || (p->sector != 512 && p->sector != 4096))
        __builtin_trap();
    for (size_t i = 0; i < p->n; i++) {
        const struct partition *x = &p->all[i];
        if (!x->length || x->offset >= size || x->length > size - x->offset || !x->number ||
            x->number > PARTITIONS_MAX || (i && x->number <= x[-1].number) ||
            partitions_get(p, x->number) != x)
            __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct partitions p;
    struct err e;
    if (!size)
        return 0;
    unsigned how = data[0], sector = how & LARGE_SECTORS ? 4096 : 512;
    autofree uint8_t *bytes = malloc(size);
    if (!bytes)
        return 0;
    memcpy(bytes, data + 1, size - 1);
    struct disk_of d = {.bytes = bytes, .n = size - 1};
    d.size = d.n + ((UINT64_C(1) << (how >> SIZES) * 2 % 62) & ~UINT64_C(511));
    if (how & SEALED)
        seal(bytes, d.n, sector);
    if (partitions_find(read_disk, &d, d.size, how & KNOWN ? sector : 0, &p, &e) == 0)
        check(&p, d.size);
    return 0;
}
