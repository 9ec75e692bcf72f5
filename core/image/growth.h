/* SPDX-License-Identifier: GPL-3.0-or-later */
/* growth.h - how much a file grows when the overlay on it is committed into it. */
#ifndef SNAPFS_IMAGE_GROWTH_H
#define SNAPFS_IMAGE_GROWTH_H

#include "base/mem.h"
#include "image/source.h"

/* Computes by how many bytes the file `base`, qcow2 or raw, grows on its file system, if QEMU
 * commits all of the qcow2 file `top` into it. Errors as image_open.
 *
 * The result is an upper bound, also if the file system's blocks are larger than a cluster:
 * - It counts the tables that QEMU has to add, and the whole of each granule that QEMU copies.
 * - It does not count clusters that are written in place. Such clusters of `base` are shared with
 *   no snapshot of `base`, and are in no hole of the file.
 *
 * It reads headers and tables, a piece of a table at a time, and asks for no lock. A QEMU may have
 * `top` open; then `top` has slightly more data than its file tells. */
int image_growth(const char *top, const char *base, const char *base_format,
                 const struct image_policy *policy, uint64_t *ret, struct err *e);

#endif
