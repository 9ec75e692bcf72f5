/* SPDX-License-Identifier: GPL-3.0-or-later */
/* memory_cat.c - writes the memory that was saved with a snapshot to stdout.
 *
 *     memory_cat FORMAT PATH [TAG]
 *
 * Exit 1 with "ERRNO SENTENCE" on stderr.
 */
#include <stdio.h>

#include "image/image.h"

enum { STEP = 100001 }; /* not a multiple of any block size */

static char buf[STEP];

static int fail(const struct err *e)
{
    fprintf(stderr, "%s %s\n", err_name(e->no), e->text);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    struct image_source source = {
        .path = argv[2], .format = argv[1], .tag = argc > 3 ? argv[3] : NULL, .memory = true};
    struct err e = {0};
    autodestroy(image_unref) struct image *im = NULL;
    if (image_open(&source, NULL, &im, &e) < 0)
        return fail(&e);
    for (uint64_t pos = 0; pos < image_size(im);) {
        ssize_t n = image_read(im, buf, sizeof(buf), pos, &e);
        if (n < 0)
            return fail(&e);
        fwrite(buf, 1, (size_t)n, stdout);
        pos += (uint64_t)n;
    }
    return fflush(stdout) != 0;
}
