/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_header.c - the input is the beginning of a qcow2 file. */
#include "image/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct header *h, size_t size)
{
    bool fits = h->used <= size && h->used <= UINT64_C(1) << h->cluster_bits;
    if (!fits || h->length > h->used || h->size > INT64_MAX || h->snapshots > SNAPSHOTS_MAX)
        __builtin_trap();
    if ((h->backing && (!*h->backing || strlen(h->backing) > BACKING_NAME_MAX)) ||
        (h->ext.backing_format && strlen(h->ext.backing_format) > FORMAT_NAME_MAX))
        __builtin_trap();
    if (!header_same_mapping(h, h))
        __builtin_trap();
    struct err e;
    uint64_t end;
    if (header_check_l1(h, "x", h->l1_offset, h->l1_size, h->size, INT64_MAX, &e) == 0 &&
        (h->l1_size * UINT64_C(8) > L1_BYTES_MAX || !add_u64(h->l1_offset, h->l1_size, &end)))
        __builtin_trap();
}

/* The parser asks for more bytes, and then decides; each prefix either asks, too, or is refused. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct header h = {0};
    struct err e = {0};
    int64_t r = header_parse(data, size, "x", &h, &e);
    if (r == 0)
        check(&h, size);
    header_drop(&h);
    if (r > 0 && ((size_t)r <= size || r > INT64_C(1) << CLUSTER_BITS_MAX))
        __builtin_trap();
    if (r < 0 && (e.no != -r || !e.text[0]))
        __builtin_trap();
    return 0;
}
