/* SPDX-License-Identifier: GPL-3.0-or-later */
/* io.c - see io.h. No locks. */
#include "base/io.h"

#include <errno.h>
#include <unistd.h>

/* Does one call. If `at` is NULL, reads at the file's present offset. */
static ssize_t read_once(int fd, char *buf, size_t len, const off_t *at)
{
    ssize_t n;
    do
        n = at ? pread(fd, buf, len, *at) : read(fd, buf, len);
    while (n < 0 && errno == EINTR);
    return n;
}

static ssize_t write_once(int fd, const char *buf, size_t len, const off_t *at)
{
    ssize_t n;
    do
        n = at ? pwrite(fd, buf, len, *at) : write(fd, buf, len);
    while (n < 0 && errno == EINTR);
    return n;
}

static ssize_t read_all(int fd, char *buf, size_t len, off_t *at)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = read_once(fd, buf + done, len - done, at);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
        if (at)
            *at += n;
    }
    return (ssize_t)done;
}

static int write_all(int fd, const char *buf, size_t len, off_t *at)
{
    while (len) {
        ssize_t n = write_once(fd, buf, len, at);
        if (n == 0)
            errno = EIO;
        if (n <= 0)
            return -1;
        buf += n;
        len -= (size_t)n;
        if (at)
            *at += n;
    }
    return 0;
}

ssize_t io_pread(int fd, void *buf, size_t len, uint64_t at)
{
    off_t offset = (off_t)at;
    return read_all(fd, buf, len, &offset);
}

int io_pwrite(int fd, const void *buf, size_t len, uint64_t at)
{
    off_t offset = (off_t)at;
    return write_all(fd, buf, len, &offset);
}

ssize_t io_read(int fd, void *buf, size_t len)
{
    return read_all(fd, buf, len, NULL);
}

int io_write(int fd, const void *buf, size_t len)
{
    return write_all(fd, buf, len, NULL);
}
