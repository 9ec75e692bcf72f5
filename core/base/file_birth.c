/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_birth.c - see file_birth.h. */
#include "base/file_birth.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"

int file_birth(const char *path, struct file_birth *ret)
{
    struct statx st;
    if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &st) < 0)
        return -errno;
    *ret = (struct file_birth){.ino = st.stx_ino};
    if (st.stx_mask & STATX_BTIME)
        ret->ns = (uint64_t)st.stx_btime.tv_sec * CLOCK_SECOND + st.stx_btime.tv_nsec;
    return 0;
}
