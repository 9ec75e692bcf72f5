/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qemu_locks.h - the locks by which QEMU shows that it uses a file. snapfs never takes such a lock;
 * it only asks for the locks of others. */
#ifndef SNAPFS_IMAGE_QEMU_LOCKS_H
#define SNAPFS_IMAGE_QEMU_LOCKS_H

#include <stdbool.h>

/* Returns the locked byte that reveals a writer. Returns 0 if there is no writer, or -errno if
 * there may be a writer. */
int qemu_locks_writer(int fd);

/* Returns the locked byte that reveals a block job that consumes the file; else as
 * qemu_locks_writer. */
int qemu_locks_consumer(int fd);

/* Tells whether a QEMU may have the file open, even only as a backing file. QEMU's locks show that,
 * also for a QEMU that libvirt does not know. Returns true if snapfs cannot ask for the locks: the
 * file system has no locks, or an open fails with another errno than ENOENT. `path` must be outside
 * every snapfs mount. */
bool image_is_open(const char *path);

/* Tells whether some QEMU may have the file open for writing. It is true if the locks cannot be
 * asked for, and false if the file cannot be opened. */
bool image_has_writer(const char *path);

#endif
