/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gpt.h - one of the two GUID partition tables of a disk; a part of partitions.c. */
#ifndef SNAPFS_IMAGE_GPT_H
#define SNAPFS_IMAGE_GPT_H

#include <stdbool.h>

#include "image/partitions.h"

/* A disk whose partitions are being read. */
struct disk {
    partitions_read *read;
    void *ctx;
    uint64_t size;   /* bytes */
    unsigned sector; /* bytes */
};

/* Reads the sector of that number to `buf`. Returns 1, 0 if the disk has no such sector, or -errno.
 * */
int disk_sector(const struct disk *d, uint64_t number, uint8_t *buf, struct err *e);

/* Adds the partition that begins at sector `first` and has `sectors` sectors. If it is not inside
 * the disk, ret->wrong notes that instead. */
void partitions_add(struct partitions *ret, const struct disk *d, unsigned number, uint64_t first,
                    uint64_t sectors);

/* Reads the table whose header is in that sector. Returns 1 if its checksums are right, and puts
 * its partitions into *ret. Returns 0 if there is no such table, or -errno. */
int gpt_read(const struct disk *d, uint64_t sector, struct partitions *ret, struct err *e);

#endif
