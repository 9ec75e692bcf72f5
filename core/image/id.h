/* SPDX-License-Identifier: GPL-3.0-or-later */
/* id.h - the identity of a disk's state, and of a disk on another host. Pure. */
#ifndef SNAPFS_IMAGE_ID_H
#define SNAPFS_IMAGE_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* The device number of a disk on another host. Its inode number is a hash of its name. No file
 * system has so large a device number. A block device has FILE_DEV_BLOCK (base/file_id.h). */
#define FILE_DEV_REMOTE (UINT64_MAX - 1)

/* Tells one state of one disk from any other, ever. It has the file, and for an internal snapshot
 * its entry in the snapshot table. For a whole file it has the size and modification time. */
struct image_id {
    uint64_t dev, ino;
    uint64_t size, mtime_ns; /* of a whole file; 0 for an internal snapshot */
    uint64_t entry;          /* internal snapshot: hash of its table entry; 0 for a whole file */
};

/* Makes the stat by which image_reads_file knows a disk on another host. Returns false if `path` is
 * not such a disk. */
bool image_remote_stat(const char *path, struct stat *ret);

bool image_id_equal(const struct image_id *a, const struct image_id *b);
uint64_t image_id_hash(uint64_t h, const struct image_id *id);

/* Hashes the part of the identity that lasts when the host boots, or mounts the file system, again.
 * It leaves out the numbers of device and file, and the time of a block device's node. */
uint64_t image_id_lasting(uint64_t h, const struct image_id *id);

#endif
