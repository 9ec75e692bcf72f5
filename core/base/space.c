/* SPDX-License-Identifier: GPL-3.0-or-later */
/* space.c - see space.h. No locks. */
#include "base/space.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/mem.h"

int space_free(const char *path, uint64_t *ret, struct err *e)
{
    struct statvfs fs;
    if (statvfs(path, &fs) < 0)
        return err_fail(e, errno, "cannot look at the file system of '%s': %s", path,
                        strerrordesc_np(errno));
    if (!fs.f_blocks || !mul_u64(fs.f_bavail, fs.f_frsize, ret))
        *ret = UINT64_MAX;
    return 0;
}
