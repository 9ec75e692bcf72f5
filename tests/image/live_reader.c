/* SPDX-License-Identifier: GPL-3.0-or-later */
/* live_reader.c - many readers of an image that another program changes all the time.
 *
 *     live_reader PATH THREADS TAG…        TAG "-" = the whole file
 *
 * It ends with its standard input.
 *
 * At every snapshot all bytes of the disk are one value. The snapshot of the n-th TAG always holds
 * a value v with v % 16 == n, and a new one each time it is made, so any other byte read from one
 * opened image is wrong. Prints "opened N right N wrong N refused N failed N": failed are errors
 * other than those of a snapshot that goes, of a file in use, or of one not there.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "image/image.h"

enum { CLASSES = 16, READS = 40, MAX_READ = 256 * 1024, THREADS_MAX = 64 };

static struct image_source source;
static char **tags;
static unsigned n_tags;
static atomic_bool over;
static atomic_ulong opened, right, wrong, refused, failed;

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void note_error(const struct err *e)
{
    bool expected = e->no == ESTALE || e->no == ENOENT || e->no == EBUSY;
    atomic_fetch_add(expected ? &refused : &failed, 1);
    if (!expected)
        fprintf(stderr, "%s: %s\n", err_name(e->no), e->text);
}

static bool all_are(const unsigned char *p, size_t len, unsigned char v)
{
    return p[0] == v && !memcmp(p, p + 1, len - 1);
}

static void read_one(struct image *im, unsigned tag, unsigned char *buf, uint64_t *state)
{
    int value = -1;
    for (int i = 0; i < READS && !atomic_load(&over); i++) {
        struct err e = {0};
        uint64_t offset = next_random(state) % (image_size(im) - 1);
        size_t len = 1 + (size_t)(next_random(state) % MAX_READ);
        ssize_t n = image_read(im, buf, len, offset, &e);
        if (n < 0) {
            note_error(&e);
            if (image_read(im, buf, 1, 0, &e) >= 0 && e.no == ESTALE)
                atomic_fetch_add(&wrong, 1); /* dead images stay dead */
            return;
        }
        if (value < 0)
            value = buf[0];
        bool ok = value % CLASSES == (int)tag && all_are(buf, (size_t)n, (unsigned char)value);
        atomic_fetch_add(ok ? &right : &wrong, 1);
    }
}

static void *reader(void *arg)
{
    const struct timespec pause = {.tv_nsec = 1000000}; /* lets the writer have the processor */
    uint64_t state = 0x9e3779b97f4a7c15 * (1 + *(unsigned *)arg);
    autofree unsigned char *buf = malloc(MAX_READ);
    while (buf && !atomic_load(&over)) {
        unsigned tag = (unsigned)(next_random(&state) % n_tags);
        struct image_source from = source;
        from.tag = strcmp(tags[tag], "-") ? tags[tag] : NULL;
        struct err e = {0};
        autodestroy(image_unref) struct image *im = NULL;
        if (image_open(&from, NULL, &im, &e) < 0) {
            note_error(&e);
            nanosleep(&pause, NULL);
            continue;
        }
        atomic_fetch_add(&opened, 1);
        read_one(im, tag, buf, &state);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    source = (struct image_source){.path = argv[1], .format = "qcow2"};
    long n = strtol(argv[2], NULL, 10);
    tags = argv + 3;
    n_tags = (unsigned)argc - 3;
    pthread_t threads[THREADS_MAX];
    unsigned numbers[THREADS_MAX];
    for (long i = 0; i < n && i < THREADS_MAX; i++) {
        numbers[i] = (unsigned)i;
        pthread_create(&threads[i], NULL, reader, &numbers[i]);
    }
    while (getchar() != EOF)
        ;
    atomic_store(&over, true);
    for (long i = 0; i < n && i < THREADS_MAX; i++)
        pthread_join(threads[i], NULL);
    printf("opened %lu right %lu wrong %lu refused %lu failed %lu\n", atomic_load(&opened),
           atomic_load(&right), atomic_load(&wrong), atomic_load(&refused), atomic_load(&failed));
    return 0;
}
