/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reader.c - the work that scripts/bench times: reads files in one way and prints one number.
 *
 *     reader first FILE             sequential, 1 MiB each, the file's cached pages dropped: MiB/s.
 *                                   It is the second of two passes: if a hypervisor takes free
 *                                   memory back, the first pass over new pages is slow
 *     reader direct FILE            the same past the page cache, with O_DIRECT: MiB/s
 *     reader again FILE             sequential, whatever is cached: MiB/s
 *     reader random FILE THREADS S  4 KiB each at random places of it for S seconds, none of them
 *                                   twice: reads a second
 *     reader walk FILE              SEEK_DATA and SEEK_HOLE to the end: milliseconds
 *     reader open FILE…             open and the first byte of one after the other: milliseconds
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BIG = 1 << 20, SMALL = 4096, THREADS_MAX = 64 };

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int open_file(const char *path, int more)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | more);
    if (fd < 0)
        fail(path);
    return fd;
}

static off_t size_of(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        fail("fstat");
    return st.st_size;
}

static double sequential(int fd)
{
    static _Alignas(SMALL) char buf[BIG];
    double begin = now(), total = 0;
    ssize_t n;
    while ((n = read(fd, buf, sizeof(buf))) > 0)
        total += (double)n;
    if (n < 0)
        fail("read");
    return total / (1 << 20) / (now() - begin);
}

static void drop_pages(int fd)
{
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static double second_pass(int fd)
{
    sequential(fd);
    drop_pages(fd);
    lseek(fd, 0, SEEK_SET);
    return sequential(fd);
}

/* What the threads of one run share. Pages that were read are cached: a place that comes twice
 * would count what the kernel can do. */
struct work {
    int fd;
    uint64_t blocks, mask; /* of SMALL bytes; the next power of 2, less 1 */
    uint64_t seed;
    _Atomic uint64_t taken;
    double until;
};

/* The n-th place: a permutation of the numbers up to the mask, less those past the end. */
static uint64_t place(const struct work *w, uint64_t n)
{
    do {
        for (int round = 0; round < 3; round++) {
            n = (n * UINT64_C(0x9e3779b97f4a7c15) + w->seed) & w->mask;
            n ^= n >> 7;
        }
    } while (n >= w->blocks);
    return n;
}

static void *read_at_random(void *arg)
{
    struct work *w = arg;
    char buf[SMALL];
    while (now() < w->until) {
        uint64_t n = atomic_fetch_add(&w->taken, 1);
        if (n >= w->blocks)
            break;
        if (pread(w->fd, buf, sizeof(buf), (off_t)place(w, n) * SMALL) != SMALL)
            fail("pread");
    }
    return NULL;
}

static double at_random(int fd, unsigned threads, double seconds)
{
    pthread_t ids[THREADS_MAX];
    double begin = now();
    struct work w = {.fd = fd, .blocks = (uint64_t)size_of(fd) / SMALL, .until = begin + seconds};
    w.seed = (uint64_t)getpid() * 2654435761u + 1;
    while (w.mask + 1 < w.blocks)
        w.mask = w.mask * 2 + 1;
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, read_at_random, &w))
            fail("pthread_create");
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    uint64_t reads = w.taken < w.blocks ? w.taken : w.blocks;
    return (double)reads / (now() - begin);
}

static double walk(int fd)
{
    double begin = now();
    off_t at = 0;
    while ((at = lseek(fd, at, SEEK_DATA)) >= 0)
        at = lseek(fd, at, SEEK_HOLE);
    if (errno != ENXIO)
        fail("lseek");
    return (now() - begin) * 1e3;
}

static double first_bytes(char **paths, int n)
{
    char byte;
    double begin = now();
    for (int i = 0; i < n; i++)
        if (pread(open_file(paths[i], 0), &byte, 1, 0) != 1)
            fail(paths[i]);
    return (now() - begin) * 1e3;
}

static double measure(const char *mode, int fd, char **arguments, int n)
{
    if (!strcmp(mode, "first"))
        return second_pass(fd);
    if (!strcmp(mode, "direct") || !strcmp(mode, "again"))
        return sequential(fd);
    if (!strcmp(mode, "walk"))
        return walk(fd);
    unsigned threads = n == 2 ? (unsigned)strtoul(arguments[0], NULL, 10) : 0;
    if (strcmp(mode, "random") != 0 || !threads || threads > THREADS_MAX)
        exit(2);
    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    return at_random(fd, threads, strtod(arguments[1], NULL));
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    if (!strcmp(argv[1], "open")) {
        printf("%.4f\n", first_bytes(argv + 2, argc - 2));
        return 0;
    }
    int fd = open_file(argv[2], strcmp(argv[1], "direct") ? 0 : O_DIRECT);
    if (strcmp(argv[1], "again") != 0)
        drop_pages(fd);
    printf("%.4f\n", measure(argv[1], fd, argv + 3, argc - 3));
    return 0;
}
