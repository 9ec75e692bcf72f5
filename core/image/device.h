/* SPDX-License-Identifier: GPL-3.0-or-later */
/* device.h - has a block device been written?
 *
 * Neither its locks nor its times tell: who writes may have a node of its own, as every QEMU of
 * libvirt's has in a /dev of its own. The kernel counts what is written, by whatever node.
 */
#ifndef SNAPFS_IMAGE_DEVICE_H
#define SNAPFS_IMAGE_DEVICE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* The kernel's files of one device (Documentation/block/stat.rst), -1 and -1: it is none. */
struct device {
    int stat, inflight;
};

#define DEVICE_NONE ((struct device){-1, -1})

/* EBUSY: writes to it are not counted. device_close in any case. */
int device_open(dev_t rdev, const char *path, struct device *ret, struct err *e);
void device_close(const struct device *d);

/* How much was written and discarded so far, what `fd`, the device, has in memory included. False:
 * some is being written right now, or it cannot be told. */
bool device_written(const struct device *d, int fd, uint64_t *ret);

#endif
