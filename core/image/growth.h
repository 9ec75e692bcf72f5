/* SPDX-License-Identifier: GPL-3.0-or-later */
/* growth.h - how much a file grows when the overlay on it is merged into it. */
#ifndef SNAPFS_IMAGE_GROWTH_H
#define SNAPFS_IMAGE_GROWTH_H

#include "image/image.h"

/* Bytes that the file `base`, qcow2 or raw, takes more on its file system once QEMU has written to
 * it all that the qcow2 file `top` has. What is written in place takes none: clusters of `base`
 * that no snapshot of it shares and that are in no hole of the file. Tables that QEMU has to add,
 * and the whole of each granule that it copies, count: it is an upper bound, also for a file system
 * with blocks larger than a cluster.
 *
 * Headers and tables are read, in pieces of a table at a time, and no lock is looked for: a QEMU
 * may have `top` open, which then has a little more than its file says. Errors as image_open. */
int image_growth(const char *top, const char *base, const char *base_format,
                 const struct image_policy *policy, uint64_t *ret, struct err *e);

#endif
