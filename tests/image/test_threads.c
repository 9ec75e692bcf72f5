/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_threads.c - one image read, mapped and sought in by many threads at once (TSan looks on). */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "image/image.h"
#include "tap.h"

enum {
    CLUSTER = 512,
    ENTRIES = CLUSTER / 8,
    TABLES = 64,
    CLUSTERS = TABLES * ENTRIES, /* 2 MiB of disk, every other cluster data */
    AT_L1 = CLUSTER,
    AT_TABLES = AT_L1 + CLUSTER,
    AT_DATA = AT_TABLES + TABLES * CLUSTER,
    THREADS = 8,
    READS = 400
};

static char path[] = "/tmp/snapfs-test-threads-XXXXXX";
static struct image *im;
static unsigned char *want;
static atomic_uint wrong, answers;

static void put(unsigned char *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (unsigned char)(v >> 8 * (bytes - 1 - i));
}

static void put_header(unsigned char *file)
{
    put(file, 0x514649fb, 4);
    put(file + 4, 3, 4);
    put(file + 20, 9, 4);
    put(file + 24, (uint64_t)CLUSTERS * CLUSTER, 8);
    put(file + 36, TABLES, 4);
    put(file + 40, AT_L1, 8);
    put(file + 96, 4, 4);
    put(file + 100, 104, 4);
}

/* The disk's bytes in `want`, the file that holds them at `path`. */
static bool make_image(void)
{
    size_t size = AT_DATA + (size_t)CLUSTERS / 2 * CLUSTER;
    autofree unsigned char *file = calloc(1, size);
    want = calloc(CLUSTERS, CLUSTER);
    if (!file || !want)
        return false;
    put_header(file);
    for (unsigned i = 0; i < TABLES; i++)
        put(file + AT_L1 + i * 8, (uint64_t)AT_TABLES + (uint64_t)i * CLUSTER, 8);
    for (unsigned i = 0; i < CLUSTERS; i += 2) {
        uint64_t host = AT_DATA + (uint64_t)i / 2 * CLUSTER;
        put(file + AT_TABLES + i * 8, host, 8);
        memset(file + host, (int)(i % 255) + 1, CLUSTER);
        memset(want + (size_t)i * CLUSTER, (int)(i % 255) + 1, CLUSTER);
    }
    autoclose int fd = mkstemp(path);
    return fd >= 0 && write(fd, file, size) == (ssize_t)size;
}

static void check_read(unsigned *seed)
{
    unsigned char buf[8192];
    size_t disk = (size_t)CLUSTERS * CLUSTER, offset = (size_t)rand_r(seed) % disk;
    size_t len = 1 + (size_t)rand_r(seed) % sizeof(buf);
    size_t expect = len < disk - offset ? len : disk - offset;
    ssize_t n = image_read(im, buf, len, offset, NULL);
    if (n != (ssize_t)expect || memcmp(buf, want + offset, expect) != 0)
        atomic_fetch_add(&wrong, 1);
}

static void check_map(unsigned *seed)
{
    uint64_t offset = (uint64_t)rand_r(seed) % ((uint64_t)CLUSTERS * CLUSTER - CLUSTER), next;
    bool data = offset / CLUSTER % 2 == 0;
    uint64_t end = (offset / CLUSTER + 1) * CLUSTER;
    struct image_extent x;
    if (image_map(im, offset, UINT64_MAX, &x, NULL) < 0 || x.data != data ||
        x.offset + x.length != end)
        atomic_fetch_add(&wrong, 1);
    int r =
        data ? image_seek_hole(im, offset, &next, NULL) : image_seek_data(im, offset, &next, NULL);
    if (r < 0 || next != end)
        atomic_fetch_add(&wrong, 1);
}

static void *work(void *arg)
{
    unsigned seed = *(unsigned *)arg;
    struct image *own = image_ref(im);
    for (int i = 0; i < READS; i++) {
        check_read(&seed);
        check_map(&seed);
        atomic_fetch_add(&answers, 1);
    }
    image_unref(own);
    return NULL;
}

static void run_threads(void)
{
    pthread_t threads[THREADS];
    unsigned seeds[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        seeds[i] = i + 1;
        pthread_create(&threads[i], NULL, work, &seeds[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    TAP_OK(atomic_load(&answers) == THREADS * READS && !atomic_load(&wrong),
           "%u threads, %u wrong answers", THREADS, atomic_load(&wrong));
}

static void walk_all(void)
{
    uint64_t pos = 0, size = image_size(im);
    struct image_extent x;
    uint64_t before = image_allocated(im);
    TAP_OK(before >= size / 2 && before <= size, "an estimate before the walk");
    while (pos < size && image_map(im, pos, size, &x, NULL) == 0)
        pos += x.length;
    TAP_OK(image_allocated(im) == size / 2, "half of it is allocated");
}

static void check_ends(void)
{
    struct image_extent x;
    uint64_t pos, size = image_size(im);
    char c;
    TAP_OK(image_read(im, &c, 1, size, NULL) == 0, "nothing behind the end");
    TAP_OK(image_read(im, &c, IMAGE_READ_MAX + 1, 0, NULL) == -EINVAL, "not more than the most");
    TAP_OK(image_map(im, size, 1, &x, NULL) == -ENXIO, "no map behind the end");
    TAP_OK(image_seek_data(im, size, &pos, NULL) == -ENXIO, "no data behind the end");
    TAP_OK(image_seek_data(im, size - 1, &pos, NULL) == -ENXIO, "none in the last hole");
    TAP_OK(image_seek_hole(im, size, &pos, NULL) == -ENXIO, "no hole behind the end");
}

static void check_death(void)
{
    char c;
    autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    TAP_OK(image_read(im, &c, 1, 0, NULL) == 1, "alive");
    TAP_OK(pwrite(fd, "x", 1, AT_DATA) == 1, "the file is changed");
    TAP_OK(image_read(im, &c, 1, 0, NULL) == -ESTALE, "dead");
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
    futimens(fd, times);
    TAP_OK(image_read(im, &c, 1, 1024, NULL) == -ESTALE, "for good");
}

int main(void)
{
    struct image_source source = {.path = path, .format = "qcow2"};
    struct err e = {0};
    if (TAP_OK(make_image() && image_open(&source, NULL, &im, &e) == 0, "an image: %s", e.text)) {
        run_threads();
        walk_all();
        check_ends();
        check_death();
    }
    image_unref(im);
    unlink(path);
    free(want);
    return tap_done();
}
