/* SPDX-License-Identifier: GPL-3.0-or-later */
/* device.h - tells whether a block device has been written.
 *
 * Neither the device's locks nor its times tell, because a writer may use a node of its own. Every
 * QEMU of libvirt has such a node, in its own /dev. The kernel counts all writes, through whatever
 * node.
 */
#ifndef SNAPFS_IMAGE_DEVICE_H
#define SNAPFS_IMAGE_DEVICE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* The kernel's files of one device (Documentation/block/stat.rst). Both are -1 if it is not a
 * device. */
struct device {
    int stat, inflight;
};

#define DEVICE_NONE ((struct device){-1, -1})

/* Opens the kernel's files. Fails with EBUSY if the kernel does not count writes to the device.
 * Call device_close in any case. */
int device_open(dev_t rdev, const char *path, struct device *ret, struct err *e);
void device_close(const struct device *d);

/* Reads the count of data written and discarded so far, with the data that `fd`, the device, has in
 * memory. Returns false if a write is in flight, or the count cannot be read. */
bool device_written(const struct device *d, int fd, uint64_t *ret);

#endif
