/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sync.c - see sync.h. No locks. */
#include "base/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"

static int sync_path(const char *path, int flags, struct err *e)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
    if (fd >= 0 && fsync(fd) == 0)
        return 0;
    return err_fail(e, errno, "cannot bring '%s' to the disk: %s", path, strerrordesc_np(errno));
}

int sync_directory(const char *path, struct err *e)
{
    return sync_path(path, O_DIRECTORY, e);
}

int sync_file(const char *path, struct err *e)
{
    autofree char *directory = strdup(path);
    if (!directory)
        return err_nomem(e);
    strrchr(directory, '/')[1] = '\0';
    int r = sync_path(path, O_NOFOLLOW, e);
    return r == 0 ? sync_directory(directory, e) : r;
}
