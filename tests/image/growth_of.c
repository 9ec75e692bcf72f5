/* SPDX-License-Identifier: GPL-3.0-or-later */
/* growth_of.c - prints image_growth of an overlay and the file that it is merged into.
 *
 *     growth-of OVERLAY BASE FORMAT-OF-BASE
 */
#include <inttypes.h>
#include <stdio.h>

#include "image/growth.h"

int main(int argc, char **argv)
{
    uint64_t bytes;
    struct err e;
    if (argc != 4)
        return 2;
    if (image_growth(argv[1], argv[2], argv[3], NULL, &bytes, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    printf("%" PRIu64 "\n", bytes);
    return 0;
}
