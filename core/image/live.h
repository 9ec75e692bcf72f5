/* SPDX-License-Identifier: GPL-3.0-or-later */
/* live.h - is an internal snapshot still in its file's table?
 *
 * The clusters of a snapshot are freed only after a header without it is on disk. So when its
 * entry, byte for byte, is still listed after data was read, that data was the snapshot's; and once
 * gone an entry (it holds date, clock and L1 offset) never comes back. QEMU replaces the header's
 * two words of where the table is while we read them: they count only when they are the same again
 * after the entry was found. No lock; any thread asks.
 */
#ifndef SNAPFS_IMAGE_LIVE_H
#define SNAPFS_IMAGE_LIVE_H

#include <stdatomic.h>

#include "image/snapshots.h"

struct live {
    const struct image_file *file;
    struct header header;  /* at the open */
    uint8_t *header_bytes; /* header.used of them */
    uint8_t *entry;
    size_t entry_len;
    _Atomic size_t hint;   /* bytes of the table up to the entry, last time */
    _Atomic uint64_t seen; /* file_quiet_since at a time when it was listed; 0: ask each time */
};

/* Takes over `header`, `header_bytes` and `entry` (of `entry_len` bytes in the table) when it
 * succeeds. `f` must outlive it. EOPNOTSUPP: a header so large that no QEMU wrote it. */
int live_new(const struct image_file *f, struct header *header, uint8_t **header_bytes,
             uint8_t **entry, size_t entry_len, struct live **ret, struct err *e);
void live_free(struct live *l); /* NULL allowed */
MEM_CLEANUP(struct live, live_free)

/* 0: everything read from the snapshot before the call was right. ESTALE: it has gone. EIO: the
 * file cannot be read to tell. EOPNOTSUPP: the table takes too long to read. */
int live_check(struct live *l, struct err *e);

#endif
