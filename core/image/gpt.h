/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gpt.h - one of the two GUID partition tables of a disk; see partitions.c. */
#ifndef SNAPFS_IMAGE_GPT_H
#define SNAPFS_IMAGE_GPT_H

#include "image/partition_table.h"

/* Reads the table whose header is in that sector. Returns 1 if its checksums are right, and puts
 * its partitions into *ret. Returns 0 if there is no such table, or -errno. */
int gpt_read(const struct disk *d, uint64_t sector, struct partitions *ret, struct err *e);

#endif
