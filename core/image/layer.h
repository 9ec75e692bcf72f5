/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layer.h - one file of a chain (with its data file) at one state, and where its bytes are.
 *
 * A layer does not change after it was opened; its table pages live in the cache under its own
 * owner number. Any number of threads may use one.
 */
#ifndef SNAPFS_IMAGE_LAYER_H
#define SNAPFS_IMAGE_LAYER_H

#include "image/cache.h"
#include "image/cluster.h"
#include "image/live.h"

struct export;

/* From LAYER_FOREIGN on: the others of foreign.h, by their numbers. */
enum layer_kind { LAYER_RAW, LAYER_QCOW2, LAYER_FOREIGN };

struct layer {
    enum layer_kind kind;
    const char *format;    /* static */
    struct export *export; /* QEMU reads it: LAYER_FOREIGN, and encrypted ones */
    struct secret secret;  /* of those */
    struct image_file *file;
    struct image_file *data; /* where data clusters are: `file` itself or the external data file */
    uint64_t size;           /* virtual; of a disk a multiple of 512 */
    uint64_t base;           /* qcow2: where byte 0 stands in the mapping; 0 for a disk */
    bool memory;             /* a saved memory, not a disk */
    uint64_t owner;          /* in the caches */
    char *backing;           /* resolved path; NULL: none */
    char *backing_format;    /* NULL: the header does not say */
    struct err *lost;        /* why the header's name of one leads nowhere; NULL: it does not */
    char *tag;               /* the name of the snapshot shown, NULL: the active state */
    struct live *live;       /* of a snapshot; NULL: the whole file is watched */
    uint64_t entry_hash;
    struct cluster_rules rules;
    unsigned compression, l2_bits;
    uint64_t l1_offset;
    uint32_t l1_size;
    struct layer *next; /* share.h's */
    unsigned users;
};

/* Opens the layer in `file`. tag and id NULL for the active state. Errors as image_open. */
int layer_open(const struct image_source *source, const struct file_seen *file,
               const struct image_policy *policy, struct layer **ret, struct err *e);
void layer_close(struct layer *l); /* NULL allowed */
MEM_CLEANUP(struct layer, layer_close)

/* The kind that the source's format stands for; -EINVAL: none given; -EOPNOTSUPP: another one. */
int layer_kind_of(const struct image_source *source, struct err *e);

/* The run at `offset` < l->size, at most `limit` bytes; it ends with the part of 64 KiB of the
 * tables that the next page is in, so that the work is bounded. With `holes` those of the file are
 * told apart. -EIO: damaged, ret->length is how far; ESTALE: the file was changed. */
int layer_run(struct layer *l, uint64_t offset, uint64_t limit, bool holes, struct run *ret,
              struct err *e);

/* May bytes of it be in holes of its file? */
bool layer_has_holes(const struct layer *l);

/* The whole decompressed cluster of a RUN_COMPRESSED, referenced. */
int layer_cluster(struct layer *l, const struct run *run, struct block **ret, struct err *e);

/* -EIO with what is wrong at that byte of it. */
int layer_damaged(const struct layer *l, uint64_t offset, const char *what, struct err *e);

/* May who has that policy use an open layer? Another passphrase, or none, may not. */
bool layer_is_open_to(const struct layer *l, const struct image_policy *policy);

/* 0 while what was read of this layer is right; ESTALE from then on. */
int layer_check(struct layer *l, struct err *e);

/* The mapping of qcow2; part of layer_run. `offset` is one of the mapping, with l->base in it. */
int qcow2_run(struct layer *l, uint64_t offset, uint64_t limit, struct run *ret, struct err *e);

#endif
