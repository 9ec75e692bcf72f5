/* SPDX-License-Identifier: GPL-3.0-or-later */
/* snapshot_find.h - finds one internal snapshot in a qcow2, by its name or id. */
#ifndef SNAPFS_IMAGE_SNAPSHOT_FIND_H
#define SNAPFS_IMAGE_SNAPSHOT_FIND_H

#include "image/snapshots.h"

/* The snapshot to find; it starts as {.tag, .id, .memory}, and borrows both names. The whole table
 * is walked, because it may have a name twice. */
struct snapshot_find {
    const char *tag, *id;
    bool memory;
    uint64_t l1_offset, base, size; /* `base` and `size` as in struct layer */
    uint32_t l1_size;
    uint64_t hash;
    char *name;
    uint8_t *entry; /* its bytes in the table; NULL: not found yet */
    size_t entry_len;
};

/* Finds the snapshot, while QEMU may be writing the file. *h and *bytes become the header as it is at
 * the end. Release with snapshot_find_drop, also after a failure. It fails:
 * - with ENOENT if there is no such snapshot, or it has no memory but w->memory is set;
 * - with EINVAL if two snapshots fit, or if the snapshot has an impossible size;
 * - with ESTALE if the file was changed, or as header_check_l1. */
int snapshot_find(struct snapshot_find *w, struct image_file *f, struct header *h, uint8_t **bytes,
                  struct err *e);
void snapshot_find_drop(struct snapshot_find *w);

#endif
