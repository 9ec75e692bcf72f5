/* SPDX-License-Identifier: GPL-3.0-or-later */
/* live.h - tells whether an internal snapshot is still in its file's table.
 *
 * The clusters of a snapshot are freed only after a header without it is on disk. So if its entry
 * is still listed, byte for byte, after data was read, the data was the snapshot's. An entry has
 * date, clock and L1 offset, so a deleted entry never comes back. QEMU may replace the header's two
 * words with the place of the table during a read. These words count only if they are the same
 * again after the entry was found. No lock; any thread may ask.
 */
#ifndef SNAPFS_IMAGE_LIVE_H
#define SNAPFS_IMAGE_LIVE_H

#include <stdatomic.h>

#include "image/snapshots.h"

struct live {
    const struct image_file *file;
    struct header header;  /* as at the open */
    uint8_t *header_bytes; /* header.used of them */
    uint8_t *entry;
    size_t entry_len;
    _Atomic size_t hint;   /* bytes of the table up to the entry, at the last look */
    _Atomic uint64_t seen; /* file_quiet_since at the last check that found it; 0: check always */
};

/* Makes a struct live. It takes over `header`, `header_bytes` and `entry` (of `entry_len` bytes in
 * the table) if it succeeds. `f` must outlive it. Fails with EOPNOTSUPP if the header is larger
 * than any of QEMU's. */
int live_new(const struct image_file *f, struct header *header, uint8_t **header_bytes,
             uint8_t **entry, size_t entry_len, struct live **ret, struct err *e);
void live_free(struct live *l); /* NULL allowed */
MEM_CLEANUP(struct live, live_free)

/* Returns 0 if all data read from the snapshot before the call was right. If the snapshot was
 * deleted, it fails with ESTALE. If the file cannot be read, it fails with EIO. If the table takes
 * too long to read, it fails with EOPNOTSUPP. */
int live_check(struct live *l, struct err *e);

#endif
