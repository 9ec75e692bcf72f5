/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_unpack.c - a compressed cluster: one byte for its size and kind, then it. */
#include <errno.h>

#include "base/mem.h"
#include "image/decompress.h"
#include "image/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same bytes every time, whatever lay in the buffer, and nothing outside of it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    unsigned bits = CLUSTER_BITS_MIN + (data[0] >> 1) % (CLUSTER_BITS_MAX - CLUSTER_BITS_MIN + 1);
    size_t len = (size_t)1 << bits;
    autofree uint8_t *one = malloc(len), *two = malloc(len), *in = malloc(size);
    if (!one || !two || !in)
        return 0;
    memcpy(in, data + 1, size - 1);
    memset(one, 0, len);
    memset(two, 0xff, len);
    int r = decompress_cluster(data[0] & 1, in, size - 1, one, len);
    if (r != decompress_cluster(data[0] & 1, in, size - 1, two, len) || (r && r != -EIO))
        __builtin_trap();
    if (r == 0 && memcmp(one, two, len) != 0)
        __builtin_trap();
    return 0;
}
