/* SPDX-License-Identifier: GPL-3.0-or-later */
/* foreign.h - files in formats that are not read here but by QEMU (export.h): what their headers
 * tell of the disk's size and of a file below. Bytes are never read by a guess. */
#ifndef SNAPFS_IMAGE_FOREIGN_H
#define SNAPFS_IMAGE_FOREIGN_H

#include <stdbool.h>

#include "image/file.h"

/* The number of a format that QEMU reads for us, by its libvirt or QEMU name; -1: it is none. */
int foreign_find(const char *format);
const char *foreign_name(int i);    /* QEMU's; static */
const char *foreign_options(int i); /* what QEMU needs besides (export.h); NULL: no secret */

/* Are these two words for one format, be it that one is QEMU's and one libvirt's? */
bool foreign_same(const char *a, const char *b);

/* The size of the disk in the file, whose format is foreign_find's `i`. -EINVAL: it is none;
 * -EOPNOTSUPP: its bytes are in other files as well. */
int foreign_size(const struct image_file *f, int i, uint64_t *ret, struct err *e);

/* The format that the file looks like to one who probes, "raw" for none; NULL: it cannot be read.
 * Static. */
const char *foreign_guess(const struct image_file *f);

/* Is it certain that an image of this format has no backing file? */
bool foreign_stands_alone(const struct image_file *f, const char *format);

/* May an image of this format name other files, which QEMU would open? */
bool foreign_names_files(const char *format);

#endif
