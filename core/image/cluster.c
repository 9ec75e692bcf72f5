/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cluster.c - see cluster.h. The format is that of QEMU's docs/interop/qcow2.txt. */
#include "image/cluster.h"

enum { COMPRESSED_SECTOR = 512 };

static const char *decode_compressed(const struct cluster_rules *rules, uint64_t word,
                                     uint64_t guest, struct run *ret)
{
    unsigned bits = rules->cluster_bits, split = 62 - (bits - 8);
    if (rules->data_file)
        return "a compressed cluster in an image with a data file";
    uint64_t host = word & ((UINT64_C(1) << split) - 1);
    uint64_t sectors = (word >> split & ((UINT64_C(1) << (bits - 8)) - 1)) + 1;
    ret->kind = RUN_COMPRESSED;
    ret->host = host;
    ret->packed = (uint32_t)(sectors * COMPRESSED_SECTOR - host % COMPRESSED_SECTOR);
    ret->start = guest >> bits << bits;
    return NULL;
}

/* Counts the bits from `bit` on that are equal in each map. */
static unsigned same_subclusters(uint32_t alloc, uint32_t zero, unsigned bit)
{
    alloc = alloc >> bit & 1 ? ~alloc : alloc;
    zero = zero >> bit & 1 ? ~zero : zero;
    uint32_t differ = (alloc | zero) >> bit;
    return differ ? (unsigned)__builtin_ctz(differ) : SUBCLUSTERS - bit;
}

static const char *decode_extended(const struct cluster_rules *rules, bool has_host,
                                   uint64_t bitmap, uint64_t in_cluster, struct run *ret)
{
    uint32_t alloc = (uint32_t)bitmap, zero = (uint32_t)(bitmap >> 32);
    if (alloc & zero)
        return "a subcluster is both data and zeros";
    if (!has_host && alloc)
        return "a subcluster is allocated in an unallocated cluster";
    unsigned sub_bits = cluster_unit_bits(rules), bit = (unsigned)(in_cluster >> sub_bits);
    uint64_t end = (uint64_t)(bit + same_subclusters(alloc, zero, bit)) << sub_bits;
    ret->kind = zero >> bit & 1 ? RUN_ZERO : alloc >> bit & 1 ? RUN_DATA : RUN_UNALLOCATED;
    ret->length = end - in_cluster;
    return NULL;
}

const char *cluster_decode(const struct cluster_rules *rules, uint64_t word, uint64_t bitmap,
                           uint64_t guest, struct run *ret)
{
    uint64_t size = UINT64_C(1) << rules->cluster_bits, in_cluster = guest & (size - 1);
    *ret = (struct run){.length = size - in_cluster};
    if (word & ENTRY_COMPRESSED)
        return decode_compressed(rules, word, guest, ret);
    uint64_t host = word & ENTRY_OFFSET;
    bool zero = !rules->extended && word & ENTRY_ZERO;
    bool has_host = host || (rules->data_file && word & ENTRY_COPIED && !zero);
    if (host & (size - 1))
        return "a cluster that is not aligned";
    if (rules->data_file && has_host && host != guest - in_cluster)
        return "a cluster of the data file that is not in its place";
    if (has_host) {
        ret->has_host = true;
        ret->host = host + in_cluster;
    }
    if (rules->extended)
        return decode_extended(rules, has_host, bitmap, in_cluster, ret);
    if (zero) {
        ret->kind = RUN_ZERO;
        return rules->version < 3 ? "a zero cluster, which version 2 does not have" : NULL;
    }
    ret->kind = has_host ? RUN_DATA : RUN_UNALLOCATED;
    return NULL;
}

bool run_continues(const struct run *run, const struct run *next)
{
    if (run->kind != next->kind || run->kind == RUN_COMPRESSED)
        return false;
    if (run->kind == RUN_UNALLOCATED)
        return true;
    return run->has_host == next->has_host &&
           (!run->has_host || run->host + run->length == next->host);
}
