/* SPDX-License-Identifier: GPL-3.0-or-later */
/* budget_reader.c - reads all of an image from its beginning in THREADS threads at once, with a
 * budget of so many MiB, and writes what it read to a file.
 *
 *     budget_reader PATH OUTPUT MIB THREADS
 *
 * Prints "grown KIB", by which the most memory the process had at a time exceeds what it had before
 * the image was opened; "grown -" under a sanitizer, whose own memory is no measure.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/budget.h"
#include "image/image.h"

enum { STEP = 256 * 1024, THREADS_MAX = 64 };

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

static struct image *im;
static int out;
static _Atomic uint64_t next;
static atomic_uint failed;

static long peak_kib(void)
{
    char line[256];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof(line), f))
        if (!strncmp(line, "VmHWM:", 6))
            kib = strtol(line + 6, NULL, 10);
    if (f)
        fclose(f);
    return kib;
}

static void *read_some(void *arg)
{
    char *buf = arg;
    struct err e = {0};
    for (uint64_t pos; (pos = atomic_fetch_add(&next, STEP)) < image_size(im);) {
        ssize_t n = image_read(im, buf, STEP, pos, &e);
        if (n >= 0 && pwrite(out, buf, (size_t)n, (off_t)pos) == n)
            continue;
        fprintf(stderr, "at %ju: %s\n", (uintmax_t)pos, e.text);
        failed++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static pthread_t threads[THREADS_MAX];
    long n = argc == 5 ? strtol(argv[4], NULL, 10) : 0, before = peak_kib();
    if (n < 1 || n > THREADS_MAX)
        return 2;
    struct image_source source = {.path = argv[1], .format = "qcow2"};
    struct err e = {0};
    autofree char *bufs = calloc((size_t)n, STEP);
    budget_set(strtoull(argv[3], NULL, 10) * MIB);
    out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (!bufs || out < 0 || image_open(&source, NULL, &im, &e) < 0) {
        fprintf(stderr, "open: %s\n", e.text);
        return 1;
    }
    for (long i = 0; i < n; i++)
        failed += pthread_create(&threads[i], NULL, read_some, bufs + i * STEP) != 0;
    for (long i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
#ifdef SANITIZED
    (void)before;
    printf("grown -\n");
#else
    printf("grown %ld\n", peak_kib() - before);
#endif
    image_unref(im);
    return failed != 0;
}
