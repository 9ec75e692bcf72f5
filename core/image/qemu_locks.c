/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qemu_locks.c - see qemu_locks.h.
 *
 * QEMU's lock bytes (its block/file-posix.c): QEMU holds byte 100 + i for each permission that it
 * uses, and byte 200 + i for each permission that it denies to others. i = 0 means consistent read,
 * 1 write, 2 write unchanged, 3 resize.
 */
#include "image/qemu_locks.h"

#include <errno.h>
#include <fcntl.h>

#include "base/mem.h"
#include "image/descriptor.h"

enum {
    BYTES_FIRST = 100,
    BYTES = 104, /* covers both ranges, from 100 and from 200 */
    BYTE_WRITE = 101,
    BYTE_RESIZE = 103,
    BYTE_NO_READ = 200
};

/* Returns the first byte of [first, first + count) that a process has locked, or 0. Returns -errno
 * if the file system does not tell. */
static int locked_byte(int fd, int first, int count)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = count};
    if (fcntl(fd, F_OFD_GETLK, &l) < 0)
        return -errno;
    if (l.l_type == F_UNLCK)
        return 0;
    return l.l_start < first ? first : (int)l.l_start;
}

/* Ignores byte 102: jobs that rewrite equal bytes hold it, and do no harm. Asks twice more only if
 * some byte is locked. */
int qemu_locks_writer(int fd)
{
    int byte = locked_byte(fd, BYTE_WRITE, BYTE_RESIZE - BYTE_WRITE + 1);
    if (byte <= 0)
        return byte;
    byte = locked_byte(fd, BYTE_WRITE, 1);
    return byte ? byte : locked_byte(fd, BYTE_RESIZE, 1);
}

int qemu_locks_consumer(int fd)
{
    return locked_byte(fd, BYTE_NO_READ, 1);
}

bool image_is_open(const char *path)
{
    autoclose int fd = descriptor_open(path, O_NOFOLLOW);
    if (fd < 0)
        return errno != ENOENT;
    return locked_byte(fd, BYTES_FIRST, BYTES) != 0;
}

bool image_has_writer(const char *path)
{
    autoclose int fd = descriptor_open(path, 0);
    return fd >= 0 && qemu_locks_writer(fd) != 0;
}
