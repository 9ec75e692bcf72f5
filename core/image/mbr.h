/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mbr.h - the master boot record of a disk, with its tables of logical partitions; see partitions.c.
 * No locks, no state. */
#ifndef SNAPFS_IMAGE_MBR_H
#define SNAPFS_IMAGE_MBR_H

#include <stdbool.h>

#include "image/partition_table.h"

/* Tells whether the 512 bytes of a disk's first sector are an MBR. */
bool mbr_is(const uint8_t *b);

/* Tells whether that MBR only protects a GPT. */
bool mbr_is_protective(const uint8_t *mbr);

/* Reads the partitions of the MBR `b` of the disk, logical ones too. Returns 0 or -errno. */
int mbr_read(const struct disk *d, const uint8_t *b, struct partitions *ret, struct err *e);

#endif
