/* reader.c - the work that scripts/bench times: reads a file in one way and prints one number.
 *
 *     reader first FILE             sequential, 1 MiB each, the file's cached pages dropped: MiB/s
 *     reader again FILE             sequential, whatever is cached: MiB/s
 *     reader random FILE THREADS S  4 KiB each at random places of it for S seconds: reads a second
 *     reader walk FILE              SEEK_DATA and SEEK_HOLE to the end: milliseconds
 *     reader open FILE              open and the first byte: milliseconds
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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

static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
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
    static char buf[BIG];
    double begin = now(), total = 0;
    ssize_t n;
    while ((n = read(fd, buf, sizeof(buf))) > 0)
        total += (double)n;
    if (n < 0)
        fail("read");
    return total / (1 << 20) / (now() - begin);
}

struct work {
    pthread_t id;
    int fd;
    off_t blocks;
    double until;
    uint64_t seed, reads;
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void *read_at_random(void *arg)
{
    struct work *w = arg;
    char buf[SMALL];
    while (now() < w->until) {
        off_t at = (off_t)(next_random(&w->seed) % (uint64_t)w->blocks) * SMALL;
        if (pread(w->fd, buf, sizeof(buf), at) != SMALL)
            fail("pread");
        w->reads++;
    }
    return NULL;
}

static double at_random(int fd, unsigned threads, double seconds)
{
    struct work work[THREADS_MAX];
    double total = 0, until = now() + seconds;
    for (unsigned i = 0; i < threads; i++) {
        work[i] = (struct work){.fd = fd, .blocks = size_of(fd) / SMALL, .until = until};
        work[i].seed = (uint64_t)getpid() * 2654435761u + i + 1;
        if (pthread_create(&work[i].id, NULL, read_at_random, &work[i]))
            fail("pthread_create");
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(work[i].id, NULL);
        total += (double)work[i].reads;
    }
    return total / seconds;
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

static double first_byte(const char *path)
{
    char byte;
    double begin = now();
    int fd = open_file(path);
    if (pread(fd, &byte, 1, 0) != 1)
        fail("pread");
    return (now() - begin) * 1e3;
}

static double measure(const char *mode, int fd, char **arguments, int n)
{
    if (!strcmp(mode, "first") || !strcmp(mode, "again"))
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
        printf("%.4f\n", first_byte(argv[2]));
        return 0;
    }
    int fd = open_file(argv[2]);
    if (strcmp(argv[1], "again") != 0)
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    printf("%.4f\n", measure(argv[1], fd, argv + 3, argc - 3));
    return 0;
}
