/* SPDX-License-Identifier: GPL-3.0-or-later */
/* device.c - see device.h. No locks, and no state except the caller's. */
#include "image/device.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"

enum { NAME_MAX_BYTES = 80, LINE = 512 };

static int open_one(dev_t rdev, const char *name)
{
    char path[NAME_MAX_BYTES];
    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(rdev), minor(rdev), name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Tells whether the kernel counts writes to the device. For a partition the setting of its disk
 * counts. */
static bool is_counted(dev_t rdev)
{
    static const char *const places[] = {"queue/iostats", "../queue/iostats"};
    char value = '0';
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        autoclose int fd = open_one(rdev, places[i]);
        if (fd >= 0)
            return read(fd, &value, 1) == 1 && value != '0';
    }
    return false;
}

int device_open(dev_t rdev, const char *path, struct device *ret, struct err *e)
{
    *ret = (struct device){open_one(rdev, "stat"), open_one(rdev, "inflight")};
    if (ret->stat >= 0 && ret->inflight >= 0 && is_counted(rdev))
        return 0;
    return err_fail(e, EBUSY,
                    "'%s' may be in use: the kernel does not count writes to it; set "
                    "'/sys/dev/block/%u:%u/queue/iostats' to 1",
                    path, major(rdev), minor(rdev));
}

void device_close(const struct device *d)
{
    if (d->stat >= 0)
        close(d->stat);
    if (d->inflight >= 0)
        close(d->inflight);
}

static bool read_line(int fd, char line[LINE])
{
    ssize_t n = pread(fd, line, LINE - 1, 0);
    line[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* Reads the count of written data. It first flushes the data in memory to the device, so that this
 * data counts. It reads the writes in flight before the completed writes, because a write in flight
 * may complete between the two reads. */
bool device_written(const struct device *d, int fd, uint64_t *ret)
{
    uint64_t writing, writes, sectors, discards = 0;
    char line[LINE];
    if (sync_file_range(fd, 0, 0,
                        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                            SYNC_FILE_RANGE_WAIT_AFTER) < 0 ||
        !read_line(d->inflight, line) || sscanf(line, "%*u %" SCNu64, &writing) != 1 || writing)
        return false;
    if (!read_line(d->stat, line) ||
        sscanf(line, "%*u %*u %*u %*u %" SCNu64 " %*u %" SCNu64 " %*u %*u %*u %*u %" SCNu64,
               &writes, &sectors, &discards) < 2)
        return false;
    *ret = writes + sectors + discards;
    return true;
}
