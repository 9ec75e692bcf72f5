/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gpt.h - one of the two GUID partition tables of a disk; a part of partitions.c. */
#ifndef SNAPFS_IMAGE_GPT_H
#define SNAPFS_IMAGE_GPT_H

#include <stdbool.h>

#include "image/partitions.h"

/* A disk that is being looked at. */
struct disk {
    partitions_read *read;
    void *ctx;
    uint64_t size;   /* bytes */
    unsigned sector; /* bytes */
};

/* 1: a sector of that number was read to `buf`; 0: the disk has none; -errno. */
int disk_sector(const struct disk *d, uint64_t number, uint8_t *buf, struct err *e);

/* Adds the partition from sector `first` on with so many sectors; one that is not inside the disk
 * is noted in ret->wrong instead. */
void partitions_add(struct partitions *ret, const struct disk *d, unsigned number, uint64_t first,
                    uint64_t sectors);

/* Reads the table whose header stands in that sector. 1: its checksums are right, and *ret has its
 * partitions; 0: there is none; -errno. */
int gpt_read(const struct disk *d, uint64_t sector, struct partitions *ret, struct err *e);

#endif
