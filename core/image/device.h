/* SPDX-License-Identifier: GPL-3.0-or-later */
/* device.h - tells whether a block device has been written.
 *
 * The locks and times of a device node do not tell, because a writer may use another node. Every
 * QEMU of libvirt has another node, in its own /dev. The kernel counts the writes through all
 * nodes.
 */
#ifndef SNAPFS_IMAGE_DEVICE_H
#define SNAPFS_IMAGE_DEVICE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* The kernel's files of one device (Documentation/block/stat.rst). Both are -1 if there is no
 * device. */
struct device {
    int stat, inflight;
};

#define DEVICE_NONE ((struct device){-1, -1})

/* Opens the kernel's files. Fails with EBUSY if the kernel does not count writes to the device.
 * Call device_close in any case. */
int device_open(dev_t rdev, const char *path, struct device *ret, struct err *e);
void device_close(const struct device *d);

/* Reads the count of data written and discarded so far. Before that, it writes back the data of the
 * device (`fd`) that is still in memory. Returns false if a write is in flight, or if the count
 * cannot be read. */
bool device_written(const struct device *d, int fd, uint64_t *ret);

#endif
