/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_cow.c - writes over a disk, compared with a plain copy of the disk that gets the same writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/budget.h"
#include "image/block_map.h"
#include "image/cow.h"
#include "tap.h"

enum {
    SIZE = 3 * 1024 * 1024 + 1536, /* ends inside a block and inside a chunk */
    LONGEST = 400 * 1024,
    ROUNDS = 3000,
    THREADS = 6,
    CHUNK = CHUNK_BLOCKS * BLOCK_BYTES
};

/* A disk in memory, which can be away. */
struct disk {
    const unsigned char *bytes;
    uint64_t size;
    _Atomic int away;  /* an errno */
    atomic_uint past;  /* times that it was asked for bytes past its end */
    atomic_uint asked; /* times that it was read */
};

static int disk_check(void *ctx, struct err *e)
{
    struct disk *d = ctx;
    return d->away ? err_fail(e, d->away, "the disk is away") : 0;
}

static int disk_read(void *ctx, void *buf, size_t len, uint64_t offset, struct err *e)
{
    struct disk *d = ctx;
    int r = disk_check(d, e);
    atomic_fetch_add(&d->asked, 1);
    if (offset + len > d->size) {
        atomic_fetch_add(&d->past, 1);
        return err_fail(e, EIO, "past the end");
    }
    if (r == 0 && d->bytes)
        memcpy(buf, d->bytes + offset, len);
    else if (r == 0)
        memset(buf, 0x5a, len);
    return r;
}

static struct cow_base over(struct disk *d)
{
    return (struct cow_base){.ctx = d, .read = disk_read, .check = disk_check};
}

static struct cow *make(uint64_t size, uint64_t most)
{
    struct cow *c = NULL;
    int fd = memfd_create("cow", MFD_CLOEXEC);
    return fd >= 0 && cow_new(fd, size, most, &c, NULL) == 0 ? c : NULL;
}

static uint64_t state = 88172645463325252U;

static uint64_t number(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static unsigned char *random_bytes(size_t len)
{
    unsigned char *p = malloc(len);
    for (size_t i = 0; p && i < len; i++)
        p[i] = (unsigned char)number(256);
    return p;
}

/* Returns a place near a border of blocks, of chunks or of the disk, or anywhere. */
static uint64_t some_offset(void)
{
    static const uint64_t near[] = {1, 512, BLOCK_BYTES, CHUNK};
    uint64_t unit = near[number(4)];
    uint64_t at = number(SIZE / unit + 1) * unit + number(3);
    return number(8) == 0 ? SIZE - number(3 * BLOCK_BYTES) : at > 2 ? at - number(3) : at;
}

static size_t some_length(void)
{
    static const size_t most[] = {2, 600, 3 * BLOCK_BYTES, LONGEST};
    return 1 + (size_t)number(most[number(4)]);
}

static void test_random(void)
{
    autofree unsigned char *below = random_bytes(SIZE), *model = malloc(SIZE);
    autofree unsigned char *from = random_bytes(2 * LONGEST), *got = malloc(LONGEST);
    struct disk d = {.bytes = below, .size = SIZE};
    struct cow_base base = over(&d);
    struct cow *c autodestroy(cow_unref) = make(SIZE, SIZE + BLOCK_BYTES);
    unsigned wrong_answer = 0, wrong_bytes = 0;
    if (!TAP_OK(below && model && from && got && c, "a disk to write over"))
        return;
    memcpy(model, below, SIZE);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t at = some_offset();
        size_t len = some_length(), fits = (size_t)min_u64(len, SIZE - min_u64(at, SIZE));
        const unsigned char *data = from + number(LONGEST);
        if (i % 3 == 0 && i < ROUNDS / 2) {
            ssize_t n = cow_write(c, &base, data, len, at, NULL);
            wrong_answer += n != (at < SIZE ? (ssize_t)fits : -ENOSPC);
            memcpy(model + min_u64(at, SIZE), data, fits);
        } else {
            ssize_t n = cow_read(c, &base, got, len, at, NULL);
            wrong_answer += n != (ssize_t)fits;
            wrong_bytes += n > 0 && memcmp(got, model + at, (size_t)n) != 0;
        }
    }
    for (uint64_t at = 0; at < SIZE; at += LONGEST) {
        ssize_t n = cow_read(c, &base, got, LONGEST, at, NULL);
        wrong_bytes += n <= 0 || memcmp(got, model + at, (size_t)n) != 0;
    }
    TAP_OK(wrong_answer == 0, "every write and read has the count of a file's (%u have not)",
           wrong_answer);
    TAP_OK(wrong_bytes == 0, "every read has the bytes last written, or the disk's (%u have not)",
           wrong_bytes);
    TAP_OK(d.past == 0, "the disk is never asked for bytes past its end");
}

/* Each write is whole: ENOSPC by the bound changes nothing. */
static void test_bound(void)
{
    struct disk d = {.size = SIZE};
    struct cow_base base = over(&d);
    struct cow *c autodestroy(cow_unref) = make(SIZE, 3 * BLOCK_BYTES + 100);
    char data[2 * BLOCK_BYTES], got[2 * BLOCK_BYTES];
    memset(data, 1, sizeof(data));
    TAP_OK(cow_write(c, &base, data, 1, 77, NULL) == 1, "one byte takes a block of the bound");
    TAP_OK(cow_write(c, &base, data, sizeof(data), 5 * CHUNK, NULL) == sizeof(data),
           "two blocks fit");
    TAP_OK(cow_write(c, &base, data, 1, CHUNK, NULL) == -ENOSPC, "then no other block does");
    TAP_OK(cow_write(c, &base, data, BLOCK_BYTES + 1, 0, NULL) == -ENOSPC, "nor half a write");
    TAP_OK(cow_read(c, &base, got, 2, 0, NULL) == 2 && got[0] == 0x5a && got[1] == 0x5a,
           "of which nothing was written");
    TAP_OK(cow_write(c, &base, data, BLOCK_BYTES, 0, NULL) == BLOCK_BYTES,
           "what is there is written over");
    TAP_OK(cow_write(c, &base, data, 1, SIZE, NULL) == -ENOSPC &&
               cow_write(c, &base, data, 1, UINT64_MAX, NULL) == -ENOSPC,
           "past the disk's end there is no space");
    TAP_OK(cow_read(c, &base, got, 1, SIZE, NULL) == 0 &&
               cow_read(c, &base, got, 1, UINT64_MAX, NULL) == 0,
           "and nothing to read");
    TAP_OK(cow_write(c, &base, data, 0, 0, NULL) == 0, "no bytes are written anywhere");
}

/* The disk has gone: reads of written bytes fail, too. */
static void test_gone(void)
{
    struct disk d = {.size = SIZE};
    struct cow_base base = over(&d);
    struct cow *c autodestroy(cow_unref) = make(SIZE, SIZE);
    char data[BLOCK_BYTES] = {1}, got[BLOCK_BYTES];
    TAP_OK(cow_write(c, &base, data, sizeof(data), 0, NULL) == sizeof(data) && d.asked == 0,
           "a whole block needs nothing of the disk");
    d.away = ESTALE;
    TAP_OK(cow_read(c, &base, got, sizeof(got), 0, NULL) == -ESTALE,
           "a written part has gone with it");
    TAP_OK(cow_read(c, &base, got, sizeof(got), BLOCK_BYTES, NULL) == -ESTALE,
           "one not written, too");
    TAP_OK(cow_write(c, &base, data, sizeof(data), 0, NULL) == -ESTALE,
           "nothing is written any more");
    d.away = EIO;
    TAP_OK(cow_write(c, &base, data, 7, 2 * BLOCK_BYTES, NULL) == -EIO, "nor filled up");
    d.away = 0;
    TAP_OK(cow_read(c, &base, got, sizeof(got), 2 * BLOCK_BYTES, NULL) == sizeof(got) &&
               got[0] == 0x5a,
           "a write that failed has written nothing");
}

/* A disk far larger than the memory, written to at both ends, costs only the written blocks. */
static void test_large(void)
{
    const uint64_t size = UINT64_C(1) << 60;
    struct disk d = {.size = size};
    struct cow_base base = over(&d);
    int fd = memfd_create("cow", MFD_CLOEXEC);
    struct cow *c autodestroy(cow_unref) = NULL;
    struct stat st;
    char data[3] = "ab", got[3] = "";
    if (!TAP_OK(fd >= 0 && cow_new(dup(fd), size, MIB, &c, NULL) == 0, "an exbibyte"))
        return;
    TAP_OK(cow_write(c, &base, data, 3, size - 3, NULL) == 3 &&
               cow_write(c, &base, data, 3, 1, NULL) == 3,
           "is written to at both ends");
    TAP_OK(cow_read(c, &base, got, 3, size - 3, NULL) == 3 && !memcmp(got, data, 3), "and read");
    bool known = fstat(fd, &st) == 0;
    TAP_OK(known && st.st_size && st.st_blocks * 512 <= 4 * BLOCK_BYTES && st.st_size <= 2 * CHUNK,
           "its file has %jd bytes, %jd of them allocated", (intmax_t)st.st_size,
           (intmax_t)st.st_blocks * 512);
    close(fd);
}

/* The file cannot grow: the write fails, and earlier writes stay. */
static void test_full_file(void)
{
    struct disk d = {.size = SIZE};
    struct cow_base base = over(&d);
    int fd = memfd_create("cow", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct cow *c autodestroy(cow_unref) = NULL;
    char data[BLOCK_BYTES] = {1}, got[BLOCK_BYTES];
    struct err e = {0};
    if (!TAP_OK(fd >= 0 && cow_new(dup(fd), SIZE, SIZE, &c, NULL) == 0,
                "a file that can be sealed"))
        return;
    cow_write(c, &base, data, sizeof(data), 0, NULL);
    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW);
    TAP_OK(cow_write(c, &base, data, sizeof(data), CHUNK, &e) == -EPERM &&
               strstr(e.text, "state directory"),
           "a write that the file refuses fails: %s", e.text);
    TAP_OK(cow_read(c, &base, got, sizeof(got), CHUNK, NULL) == sizeof(got) && got[0] == 0x5a,
           "it has written nothing");
    TAP_OK(cow_read(c, &base, got, sizeof(got), 0, NULL) == sizeof(got) && got[0] == 1,
           "and lost nothing");
    close(fd);
}

static void test_map(void)
{
    struct block_map *m autodestroy(block_map_free) = block_map_new();
    uint64_t home = 0, before = 0;
    struct block_run run = block_map_run(m, 63, 1000);
    TAP_OK(!run.written && run.n == 1, "a run ends with its chunk");
    TAP_OK(block_map_missing(m, 0, 1000) == 1000, "nothing is written at first");
    block_map_place(m, 70, &home, NULL);
    TAP_OK(!block_map_run(m, 70, 1).written, "a block with a place is not written yet");
    block_map_set(m, 70, 3);
    block_map_set(m, 71, 2);
    TAP_OK(block_map_count(m) == 3, "a block counts once");
    run = block_map_run(m, 70, 1000);
    TAP_OK(run.written && run.n == 3 && run.home == home, "its run has its place");
    run = block_map_run(m, 71, 1);
    TAP_OK(run.written && run.n == 1 && run.home == home + 1, "from any block on");
    block_map_place(m, 64, &home, NULL);
    block_map_set(m, 64, CHUNK_BLOCKS);
    run = block_map_run(m, 64, 1000);
    TAP_OK(run.written && run.n == CHUNK_BLOCKS, "a whole chunk can be written");
    bool all = true;
    for (uint64_t i = 0; i < 5000; i++) {
        uint64_t block = i * i * 977 * CHUNK_BLOCKS + 5000;
        all = all && block_map_place(m, block, &home, NULL) == 0 &&
              (i == 0 || home >= before + CHUNK_BLOCKS - 64);
        block_map_set(m, block, 1);
        before = home;
    }
    for (uint64_t i = 0; i < 5000; i++)
        all = all && block_map_run(m, i * i * 977 * CHUNK_BLOCKS + 5000, 1).written;
    TAP_OK(all, "thousands of chunks are found again");
}

/* The map's memory is counted, and refused past the limit. */
static void test_budget(void)
{
    struct disk d = {.size = UINT64_C(1) << 50};
    struct cow_base base = over(&d);
    struct cow *c autodestroy(cow_unref) = make(d.size, d.size);
    const uint64_t taken = budget_limit() - 16384;
    char data[BLOCK_BYTES] = {1};
    ssize_t n = 1;
    uint64_t i = 0;
    if (!TAP_OK(budget_take(taken, NULL) == 0, "little memory is left"))
        return;
    for (; i < 100000 && n == 1; i++)
        n = cow_write(c, &base, data, 1, i * CHUNK, NULL);
    TAP_OK(n == -ENOMEM && i > 100, "ENOMEM after %ju chunks", (uintmax_t)i);
    TAP_OK(cow_read(c, &base, data, 1, 0, NULL) == 1 && data[0] == 1, "what was written stays");
    budget_give(taken);
}

/* ---- many threads: a read sees all or nothing of a write ---- */

static struct cow *shared;
static struct disk shared_disk;
static atomic_uint torn, failed;

enum { RECORD = 3 * BLOCK_BYTES + 17, RECORDS = 20, TURNS = 300 };

/* Records lie side by side and share blocks; each is filled with one byte. */
static void *write_records(void *arg)
{
    struct cow_base base = over(&shared_disk);
    unsigned char data[RECORD];
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < TURNS; i++) {
        memset(data, rand_r(&seed) % 255 + 1, sizeof(data));
        uint64_t at = (uint64_t)(rand_r(&seed) % RECORDS) * RECORD;
        if (cow_write(shared, &base, data, RECORD, at, NULL) != RECORD)
            atomic_fetch_add(&failed, 1);
    }
    return NULL;
}

static void *read_records(void *arg)
{
    struct cow_base base = over(&shared_disk);
    unsigned char data[RECORD];
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < TURNS; i++) {
        uint64_t at = (uint64_t)(rand_r(&seed) % RECORDS) * RECORD;
        if (cow_read(shared, &base, data, RECORD, at, NULL) != RECORD)
            atomic_fetch_add(&failed, 1);
        else if (memcmp(data, data + 1, RECORD - 1) != 0)
            atomic_fetch_add(&torn, 1);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    shared_disk.size = (uint64_t)RECORD * RECORDS;
    shared = make(shared_disk.size, MIB);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, i % 2 ? write_records : read_records, (void *)(i + 1));
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    TAP_OK(failed == 0, "reads and writes side by side succeed");
    TAP_OK(torn == 0, "no read sees a part of a write");
    TAP_OK(shared_disk.past == 0, "nothing past the end is asked for");
    cow_unref(shared);
}

int main(void)
{
    test_map();
    test_random();
    test_bound();
    test_gone();
    test_large();
    test_full_file();
    test_budget();
    test_threads();
    return tap_done();
}
