/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_cluster.c - L2 entries, word by word. */
#include "image/cluster.h"
#include "image/header.h"
#include "tap.h"

static const struct cluster_rules v3 = {.version = 3, .cluster_bits = 16};
static const struct cluster_rules v2 = {.version = 2, .cluster_bits = 16};
static const struct cluster_rules sub = {.version = 3, .cluster_bits = 16, .extended = true};
static const struct cluster_rules ext = {.version = 3, .cluster_bits = 16, .data_file = true};

enum { HOST = 0x50000, GUEST = 0x30000, SUB = 65536 / 32 };

static struct run run;

static const char *decode(const struct cluster_rules *rules, uint64_t word, uint64_t bitmap,
                          uint64_t guest)
{
    return cluster_decode(rules, word, bitmap, guest, &run);
}

static void test_standard(void)
{
    TAP_OK(!decode(&v3, HOST | ENTRY_COPIED, 0, GUEST + 100), "plain data");
    TAP_OK(run.kind == RUN_DATA && run.host == HOST + 100 && run.length == 65536 - 100,
           "from the asked byte to the end of the cluster");
    TAP_OK(!decode(&v3, HOST, 0, GUEST) && run.kind == RUN_DATA, "the copied bit says nothing");
    TAP_OK(!decode(&v3, HOST | UINT64_C(0x3f000000000001fe), 0, GUEST) && run.host == HOST,
           "nor do reserved bits");
    TAP_OK(!decode(&v3, 0, 0, GUEST) && run.kind == RUN_UNALLOCATED, "unallocated");
    TAP_OK(!decode(&v3, ENTRY_COPIED, 0, GUEST) && run.kind == RUN_UNALLOCATED,
           "unallocated with the copied bit");
    TAP_OK(decode(&v3, HOST + 512, 0, GUEST) && run.length == 65536, "not aligned");
}

static void test_zero(void)
{
    TAP_OK(!decode(&v3, ENTRY_ZERO, 0, GUEST) && run.kind == RUN_ZERO && !run.has_host,
           "plain zeros");
    TAP_OK(!decode(&v3, HOST | ENTRY_ZERO, 0, GUEST) && run.kind == RUN_ZERO && run.has_host,
           "preallocated zeros");
    TAP_OK(decode(&v3, (HOST + 512) | ENTRY_ZERO, 0, GUEST) != NULL, "not aligned zeros");
    TAP_OK(decode(&v2, ENTRY_ZERO, 0, GUEST) != NULL, "version 2 has none");
}

static void test_compressed(void)
{
    for (unsigned bits = CLUSTER_BITS_MIN; bits <= CLUSTER_BITS_MAX; bits++) {
        struct cluster_rules rules = {.version = 3, .cluster_bits = bits};
        unsigned split = 62 - (bits - 8);
        uint64_t host = (UINT64_C(1) << split) - 100, more = (UINT64_C(1) << (bits - 8)) - 1;
        uint64_t guest = UINT64_C(5) << bits;
        const char *fault = decode(&rules, ENTRY_COMPRESSED | more << split | host, 0, guest + 7);
        TAP_OK(!fault && run.kind == RUN_COMPRESSED && run.host == host &&
                   run.packed == (more + 1) * 512 - host % 512 && run.start == guest,
               "a compressed cluster of %u bits", bits);
    }
    TAP_OK(!decode(&sub, ENTRY_COMPRESSED | HOST, UINT64_MAX, GUEST) && run.kind == RUN_COMPRESSED,
           "its bitmap means nothing");
    TAP_OK(decode(&ext, ENTRY_COMPRESSED | HOST, 0, GUEST) != NULL, "not with a data file");
}

static void test_subclusters(void)
{
    uint64_t bitmap = UINT64_C(0x8000000000000000) | 0x0000000e;
    TAP_OK(!decode(&sub, HOST, bitmap, GUEST) && run.kind == RUN_UNALLOCATED && run.length == SUB,
           "subcluster 0 is below");
    TAP_OK(!decode(&sub, HOST, bitmap, GUEST + SUB + 5) && run.kind == RUN_DATA &&
               run.length == 3 * SUB - 5 && run.host == HOST + SUB + 5,
           "1 to 3 are data");
    TAP_OK(!decode(&sub, HOST, bitmap, GUEST + 31 * SUB) && run.kind == RUN_ZERO &&
               run.length == SUB,
           "31 is zeros");
    TAP_OK(!decode(&sub, HOST, 0xffffffff, GUEST) && run.length == 65536, "all 32 in one");
    TAP_OK(!decode(&sub, HOST | 1, 1, GUEST) && run.kind == RUN_DATA, "bit 0 has no meaning");
    TAP_OK(!decode(&sub, 0, UINT64_C(1) << 32, GUEST) && run.kind == RUN_ZERO, "zeros alone");
    TAP_OK(decode(&sub, HOST, UINT64_C(0x100000001), GUEST + 20 * SUB) != NULL,
           "data and zeros at once spoil the whole cluster");
    TAP_OK(decode(&sub, 0, 1 << 5, GUEST) != NULL, "data without a host cluster");
}

static void test_data_file(void)
{
    TAP_OK(!decode(&ext, GUEST, 0, GUEST + 9) && run.kind == RUN_DATA && run.host == GUEST + 9,
           "data in its place");
    TAP_OK(decode(&ext, HOST, 0, GUEST) != NULL, "data elsewhere");
    TAP_OK(!decode(&ext, ENTRY_COPIED, 0, 0) && run.kind == RUN_DATA && run.host == 0,
           "the first cluster is known by the copied bit");
    TAP_OK(!decode(&ext, 0, 0, 0) && run.kind == RUN_UNALLOCATED, "and without it unallocated");
    TAP_OK(decode(&ext, ENTRY_COPIED, 0, GUEST) != NULL, "which elsewhere is out of place");
    TAP_OK(!decode(&ext, ENTRY_COPIED | ENTRY_ZERO, 0, GUEST) && run.kind == RUN_ZERO &&
               !run.has_host,
           "but for plain zeros, of which it says nothing");
    TAP_OK(!decode(&ext, GUEST | ENTRY_ZERO, 0, GUEST) && run.kind == RUN_ZERO && run.has_host,
           "zeros that keep their place");
}

static void test_continues(void)
{
    struct run a = {.kind = RUN_DATA, .has_host = true, .host = 100, .length = 50};
    struct run b = {.kind = RUN_DATA, .has_host = true, .host = 150, .length = 50};
    TAP_OK(run_continues(&a, &b) && !run_continues(&b, &a), "data one behind the other");
    struct run z = {.kind = RUN_ZERO, .length = 5};
    TAP_OK(run_continues(&z, &z) && !run_continues(&a, &z), "zeros");
    struct run c = {.kind = RUN_COMPRESSED, .length = 5};
    TAP_OK(!run_continues(&c, &c), "never compressed clusters");
}

int main(void)
{
    test_standard();
    test_zero();
    test_compressed();
    test_subclusters();
    test_data_file();
    test_continues();
    return tap_done();
}
