/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cluster.h - decodes one L2 entry. Pure functions. */
#ifndef SNAPFS_IMAGE_CLUSTER_H
#define SNAPFS_IMAGE_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SUBCLUSTER_BITS = 5, /* a cluster with extended L2 entries has 2^5 */
    SUBCLUSTERS = 1 << SUBCLUSTER_BITS,
};

#define ENTRY_COPIED (UINT64_C(1) << 63)
#define ENTRY_COMPRESSED (UINT64_C(1) << 62)
#define ENTRY_ZERO UINT64_C(1)
#define ENTRY_OFFSET UINT64_C(0x00fffffffffffe00)

enum run_kind {
    RUN_UNALLOCATED, /* the layer has no data here: ask the one below */
    RUN_ZERO,
    RUN_DATA,
    RUN_COMPRESSED, /* at most one cluster */
};

/* A run of bytes of a layer that are stored in one way. */
struct run {
    enum run_kind kind;
    bool has_host;
    bool hole;       /* the tables say data, but the file has a hole here */
    uint64_t length; /* bytes */
    uint64_t host;   /* in the data file; compressed: the first byte of the input */
    uint64_t start;  /* compressed: the cluster's offset in the disk */
    uint32_t packed; /* compressed: bytes of input to read at most */
};

struct cluster_rules {
    unsigned version, cluster_bits;
    bool extended, data_file;
};

/* Returns the size, as a power of 2, of the smallest unit that is mapped: a cluster or a
 * subcluster. */
static inline unsigned cluster_unit_bits(const struct cluster_rules *rules)
{
    return rules->extended ? rules->cluster_bits - SUBCLUSTER_BITS : rules->cluster_bits;
}

/* Decodes `word` (and, if extended, `bitmap`) for the byte at `guest` and the bytes after it, up to
 * the end of the cluster. Returns NULL, or the fault of the entry; ret->length is then the rest of
 * the cluster. */
const char *cluster_decode(const struct cluster_rules *rules, uint64_t word, uint64_t bitmap,
                           uint64_t guest, struct run *ret);

/* Tells whether `next`, directly after `run`, continues it. */
bool run_continues(const struct run *run, const struct run *next);

#endif
