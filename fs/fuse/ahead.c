/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ahead.c - see ahead.h. No locks. */
#include "fuse/ahead.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuse/log.h"

/* If a reader announces sequential reads, as cp does, the kernel reads twice as much ahead. With
 * that it also reads the hole after each piece of a sparse image. cp of 64 pieces took 63, 75 and
 * 97 ms with 128, 256 and 512 KiB. A first pass over an image without holes ran at 1.9, 2.7 and 2.8
 * GiB/s. */
#define AHEAD_KIB "256"

void ahead_find(struct fs *fs, const char *mountpoint)
{
    struct statx st;
    if (statx(AT_FDCWD, mountpoint, AT_STATX_DONT_SYNC, 0, &st) == 0)
        snprintf(fs->device, sizeof(fs->device), "%u:%u", st.stx_dev_major, st.stx_dev_minor);
}

void ahead_raise(struct fs *fs)
{
    if (!fs->device[0] || atomic_flag_test_and_set(&fs->ahead_raised))
        return;
    char path[96];
    snprintf(path, sizeof(path), "/sys/class/bdi/%s/read_ahead_kb", fs->device);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool raised = fd >= 0 && write(fd, AHEAD_KIB, strlen(AHEAD_KIB)) > 0;
    if (fd >= 0)
        close(fd);
    log_line(LOG_LEVEL_DEBUG, "read-ahead of %s %s", fs->device,
             raised ? "raised to " AHEAD_KIB " KiB" : "left as it is");
}
