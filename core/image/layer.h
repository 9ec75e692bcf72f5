/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layer.h - one file of a chain (with its data file) at one state, and the places of its bytes.
 *
 * A layer does not change after the open. Its table pages are in the cache under its own owner
 * number. Any number of threads may use one layer.
 */
#ifndef SNAPFS_IMAGE_LAYER_H
#define SNAPFS_IMAGE_LAYER_H

#include "image/cache.h"
#include "image/cluster.h"
#include "image/live.h"

struct export;

/* Kinds from LAYER_FOREIGN on are the formats of foreign.h, by their numbers. */
enum layer_kind { LAYER_RAW, LAYER_QCOW2, LAYER_FOREIGN };

struct layer {
    enum layer_kind kind;
    const char *format;    /* static */
    struct export *export; /* QEMU reads it: LAYER_FOREIGN, or encrypted */
    struct secret secret;  /* the passphrase of such a layer */
    struct image_file *file;
    struct image_file *data; /* the file with data clusters: `file` or the external data file */
    uint64_t size;           /* virtual; a disk's size is a multiple of 512 */
    uint64_t base;           /* qcow2: the place of byte 0 in the mapping; 0 for a disk */
    bool memory;             /* a saved memory, not a disk */
    uint64_t owner;          /* in the caches */
    char *backing;           /* resolved path; NULL: none */
    char *backing_format;    /* NULL: the header names none */
    struct err *lost;        /* why the backing name leads nowhere; NULL: no error */
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

/* Opens the layer in `file`. tag and id are NULL for the active state. Errors as image_open. */
int layer_open(const struct image_source *source, const struct file_seen *file,
               const struct image_policy *policy, struct layer **ret, struct err *e);
void layer_close(struct layer *l); /* NULL allowed */
MEM_CLEANUP(struct layer, layer_close)

/* Returns the kind of the source's format. Fails with EINVAL if there is no format, with EOPNOTSUPP
 * for an unknown one. */
int layer_kind_of(const struct image_source *source, struct err *e);

/* Fails with EIO, and says what is wrong at that byte of the layer. */
int layer_damaged(const struct layer *l, uint64_t offset, const char *what, struct err *e);

/* Tells whether a caller with that policy may use an open layer. A caller with another passphrase,
 * or with none, may not. */
bool layer_is_open_to(const struct layer *l, const struct image_policy *policy);

/* Returns 0 while all data read from this layer is right, and fails with ESTALE from then on. */
int layer_check(struct layer *l, struct err *e);

#endif
