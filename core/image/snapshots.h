/* SPDX-License-Identifier: GPL-3.0-or-later */
/* snapshots.h - the snapshot table of a qcow2: its entries, and a walk over them.
 *
 * Parsing is pure. The walk reads the table piece by piece and holds one entry at a time.
 */
#ifndef SNAPFS_IMAGE_SNAPSHOTS_H
#define SNAPFS_IMAGE_SNAPSHOTS_H

#include "image/header.h"

enum {
    SNAPSHOT_FIXED = 40, /* bytes before the extra data */
    SNAPSHOT_EXTRA_MAX = 1024,
    SNAPSHOT_TABLE_MAX = 64 * 1024 * 1024 /* bytes, QEMU's limit */
};

/* One entry. The texts point into the parsed bytes and have no NUL after them. */
struct snapshot {
    const uint8_t *bytes; /* the entry itself, without padding */
    size_t len;
    uint64_t l1_offset;
    uint32_t l1_size;   /* entries */
    uint64_t disk_size; /* rounded down to VIRTUAL_SECTOR; `active_size` if the entry has none */
    uint64_t vm_state_size;
    uint32_t date_sec, date_nsec;
    const char *id, *name;
    size_t id_len, name_len;
};

/* Parses an entry at the start of the `have` bytes. 0; -EINVAL (too much extra data); or the number
 * of bytes it needs, more than `have`. */
int64_t snapshot_parse(const uint8_t *bytes, size_t have, uint64_t active_size,
                       struct snapshot *ret);

uint64_t snapshot_hash(const struct snapshot *s);
bool snapshot_text_is(const char *text, size_t len, const char *want);

struct snapshot_walk {
    const struct image_file *file;
    uint64_t active_size, offset; /* `offset`: of the byte after the buffer */
    uint32_t left;
    uint8_t *buf;
    size_t have, at, cap;
    uint64_t total; /* bytes of the table walked so far */
};

/* Starts at the table that `snapshots` and `offset` name. `hint` is its likely length in bytes.
 * Release with snapshot_walk_end. */
void snapshot_walk_begin(struct snapshot_walk *w, const struct image_file *f, uint32_t snapshots,
                         uint64_t offset, uint64_t active_size, size_t hint);

/* Returns 1 and the next entry in *ret, valid until the next call; 0 if there are no more; or
 * -errno. */
int snapshot_walk_next(struct snapshot_walk *w, struct snapshot *ret, struct err *e);

void snapshot_walk_end(struct snapshot_walk *w);

#endif
