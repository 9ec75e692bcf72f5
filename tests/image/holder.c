/* SPDX-License-Identifier: GPL-3.0-or-later */
/* holder.c - keeps images open, and reads from them as the lines on its input say.
 *
 *     holder FORMAT:PATH…          the images are numbered from 0
 *
 * Lines on standard input, each answered by one: "read IMAGE OFFSET LENGTH" by "bytes FIRST LAST"
 * (their values); "same IMAGE OTHER" by "same", once several threads have read all of both and
 * found them equal; "close IMAGE" by "closed". Or "failed ERRNO SENTENCE".
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "image/image.h"

enum { IMAGES_MAX = 16, THREADS = 8, PIECE = 100000, LINE = 100 };

static struct image *images[IMAGES_MAX];

/* One thread's part of two images: every THREADS-th piece. */
struct part {
    struct image *a, *b;
    unsigned first;
    struct err e;
    bool differ;
};

static int open_image(struct image **ret, char *word)
{
    struct err e;
    char *colon = strchr(word, ':');
    if (!colon)
        return 2;
    *colon = '\0';
    const struct image_source source = {.format = word, .path = colon + 1};
    if (image_open(&source, NULL, ret, &e) == 0)
        return 0;
    printf("failed %s %s\n", err_name(e.no), e.text);
    return 1;
}

static void *compare(void *arg)
{
    struct part *p = arg;
    char *bytes = malloc(PIECE), *others = malloc(PIECE);
    uint64_t pos = (uint64_t)p->first * PIECE;
    ssize_t n = 1;
    while (bytes && others && n > 0 && !p->differ) {
        n = image_read(p->a, bytes, PIECE, pos, &p->e);
        ssize_t m = n < 0 ? n : image_read(p->b, others, PIECE, pos, &p->e);
        p->differ = m != n || (n > 0 && memcmp(bytes, others, (size_t)n) != 0);
        pos += (uint64_t)THREADS * PIECE;
    }
    free(bytes);
    free(others);
    return NULL;
}

static void same(struct image *a, struct image *b)
{
    pthread_t ids[THREADS];
    struct part parts[THREADS];
    const struct part *bad = NULL;
    for (unsigned i = 0; i < THREADS; i++) {
        parts[i] = (struct part){.a = a, .b = b, .first = i};
        if (pthread_create(&ids[i], NULL, compare, &parts[i]) != 0)
            exit(2);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
        bad = parts[i].differ || parts[i].e.no ? &parts[i] : bad;
    }
    if (bad && bad->e.no)
        printf("failed %s %s\n", err_name(bad->e.no), bad->e.text);
    else
        printf("%s\n", bad ? "differ" : "same");
}

static void read_bytes(struct image *im, uint64_t offset, size_t len)
{
    struct err e;
    unsigned char *buf = malloc(len);
    ssize_t n = buf ? image_read(im, buf, len, offset, &e) : err_nomem(&e);
    if (n <= 0)
        printf("failed %s %s\n", err_name(n ? e.no : 0), n ? e.text : "");
    else
        printf("bytes %d %d\n", buf[0], buf[n - 1]);
    free(buf);
}

int main(int argc, char **argv)
{
    char line[LINE];
    int status = 0;
    for (int i = 1; status == 0 && i < argc && i <= IMAGES_MAX; i++)
        status = open_image(&images[i - 1], argv[i]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (status == 0 && fgets(line, sizeof(line), stdin)) {
        unsigned im = 0, other = 0;
        uint64_t offset;
        size_t len;
        if (sscanf(line, "read %u %ju %zu", &im, (uintmax_t *)&offset, &len) == 3) {
            read_bytes(images[im % IMAGES_MAX], offset, len);
        } else if (sscanf(line, "same %u %u", &im, &other) == 2) {
            same(images[im % IMAGES_MAX], images[other % IMAGES_MAX]);
        } else if (sscanf(line, "close %u", &im) == 1) {
            image_unref(take(images[im % IMAGES_MAX]));
            printf("closed\n");
        }
    }
    for (int i = 0; i < IMAGES_MAX; i++)
        image_unref(images[i]);
    return status;
}
