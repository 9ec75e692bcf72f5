/* fuzz_parts.c - the pure parsers, chosen by the first byte: header, snapshot entry, L2 entry,
 * compressed cluster, file name. */
#include "image/cluster.h"
#include "image/decompress.h"
#include "image/path.h"
#include "image/snapshots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_header(const uint8_t *data, size_t size)
{
    struct header h = {0};
    struct err e;
    if (header_parse(data, size, "x", &h, &e) == 0)
        header_drop(&h);
}

static void fuzz_entry(const uint8_t *data, size_t size)
{
    struct snapshot s;
    if (snapshot_parse(data, size, 1 << 20, &s) != 0)
        return;
    (void)snapshot_hash(&s);
    (void)snapshot_text_is(s.name, s.name_len, "a");
}

/* A decoded run is never empty and never leaves its cluster. */
static void fuzz_cluster(const uint8_t *data, size_t size)
{
    if (size < 25)
        return;
    struct cluster_rules rules = {
        .version = data[0] & 1 ? 3 : 2,
        .cluster_bits = CLUSTER_BITS_MIN + data[0] / 8 % 13,
        .extended = (data[0] & 2) != 0,
        .data_file = (data[0] & 4) != 0,
    };
    if (rules.cluster_bits < CLUSTER_BITS_SUB_MIN)
        rules.extended = false;
    uint64_t guest = be64(data + 1) >> 1, cluster = UINT64_C(1) << rules.cluster_bits;
    struct run run;
    (void)cluster_decode(&rules, be64(data + 9), be64(data + 17), guest, &run);
    if (!run.length || run.length > cluster - guest % cluster)
        __builtin_trap();
}

static void fuzz_unpack(const uint8_t *data, size_t size)
{
    static uint8_t out[65536];
    if (size)
        (void)decompress_cluster(data[0] & 1, data + 1, size - 1, out, sizeof(out));
}

static void fuzz_path(const uint8_t *data, size_t size)
{
    autofree char *name = strndup((const char *)data, size);
    autofree char *path = NULL;
    struct err e;
    (void)path_resolve("/a/b", name, &path, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(const uint8_t *, size_t) = {
        fuzz_header, fuzz_entry, fuzz_cluster, fuzz_unpack, fuzz_path};
    if (size)
        targets[data[0] % 5](data + 1, size - 1);
    return 0;
}
