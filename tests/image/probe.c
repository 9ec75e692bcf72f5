/* SPDX-License-Identifier: GPL-3.0-or-later */
/* probe.c - opens an image and touches all of it, with bounded work; prints the results.
 *
 *     probe FORMAT PATH [TAG]
 *
 * "open ERRNO SENTENCE", or "good N bad N ERRNO SENTENCE" for the reads (the first failure's
 * words), then "map N hole N allocated N slowest MS": the extents the map gave before it ended or
 * failed, and the CPU time of the slowest call.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "image/image.h"
#include "image/tags.h"

enum { STEP = 65536, READS_MAX = 4096, EXTENTS_MAX = 4096, MS_MAX = 2000 };

static char buf[STEP];
static int64_t last_ms, slowest_ms;

/* Returns the processor time so far, which does not depend on other programs. */
static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Called after each call of the reader; false once the time of a walk is over. */
static bool in_time(int64_t begin)
{
    int64_t now = now_ms();
    if (now - last_ms > slowest_ms)
        slowest_ms = now - last_ms;
    last_ms = now;
    return now - begin < MS_MAX;
}

static void read_all(struct image *im)
{
    struct err first = {0};
    unsigned good = 0, bad = 0;
    uint64_t pos = 0, size = image_size(im);
    int64_t begin = last_ms = now_ms();
    while (pos < size && good + bad < READS_MAX && in_time(begin)) {
        struct err e = {0};
        ssize_t n = image_read(im, buf, (size_t)min_u64(STEP, size - pos), pos, &e);
        good += n >= 0;
        bad += n < 0;
        if (n < 0 && !first.no)
            first = e;
        pos += STEP;
        uint64_t next;
        in_time(begin);
        if (image_seek_data(im, pos, &next, NULL) == 0)
            pos = next;
    }
    printf("good %u bad %u %s %s\n", good, bad, first.no ? err_name(first.no) : "-", first.text);
}

static void map_all(struct image *im)
{
    struct image_extent x;
    unsigned n = 0;
    uint64_t pos = 0, hole;
    int64_t begin = last_ms = now_ms();
    while (n < EXTENTS_MAX && in_time(begin) && image_map(im, pos, UINT64_MAX, &x, NULL) == 0) {
        n++;
        pos += x.length;
    }
    if (image_seek_hole(im, 0, &hole, NULL) < 0)
        hole = 0;
    in_time(begin);
    printf("map %u hole %ju allocated %ju slowest %jd\n", n, (uintmax_t)hole,
           (uintmax_t)image_allocated(im), (intmax_t)slowest_ms);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    struct image_source source = {
        .path = argv[2], .format = argv[1], .tag = argc > 3 ? argv[3] : NULL};
    struct err e = {0};
    autodestroy(image_unref) struct image *im = NULL;
    autodestroy(image_tags_free) struct image_tags *tags = NULL;
    (void)image_tags_read(&source, NULL, &tags, NULL);
    if (image_open(&source, NULL, &im, &e) < 0) {
        printf("open %s %s\n", err_name(e.no), e.text);
        return 0;
    }
    read_all(im);
    map_all(im);
    return 0;
}
