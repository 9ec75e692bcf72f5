/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_tables.c - a chain of images made up from the input, with any tables: what is read, mapped
 * and sought is what the letter of the format says (tests/image/made.h). */
#include <stdio.h>

#include "made.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *wrong = made_try(data, size, 1);
    if (!wrong)
        return 0;
    fprintf(stderr, "%s\n", wrong);
    __builtin_trap();
}
