/* SPDX-License-Identifier: GPL-3.0-or-later */
/* io.h - reads and writes that go on after a signal, or if the kernel moves only a part. */
#ifndef SNAPFS_BASE_IO_H
#define SNAPFS_BASE_IO_H

#include <stdint.h>
#include <sys/types.h>

/* Reads `len` bytes from `at` on. Returns their number, which is smaller at the end of the file
 * only; -1 with errno after a failure. */
ssize_t io_pread(int fd, void *buf, size_t len, uint64_t at);

/* Writes all `len` bytes from `at` on. Returns 0, or -1 with errno. After a failure, a part of the
 * bytes may be written. */
int io_pwrite(int fd, const void *buf, size_t len, uint64_t at);

/* Do the same at the present offset of a file, or on a pipe. */
ssize_t io_read(int fd, void *buf, size_t len);
int io_write(int fd, const void *buf, size_t len);

#endif
