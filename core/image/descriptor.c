/* SPDX-License-Identifier: GPL-3.0-or-later */
/* descriptor.c - see descriptor.h. */
#include "image/descriptor.h"

#include <errno.h>
#include <fcntl.h>

static const int open_flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

int descriptor_open(const char *path, int more)
{
    int fd = open(path, open_flags | O_NOATIME | more);
    return fd < 0 && errno == EPERM ? open(path, open_flags | more) : fd;
}
