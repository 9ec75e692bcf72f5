/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_lock.c - see file_lock.h. */
#include "model/journal/file_lock.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>

#include "model/activity/task.h"

enum { LOCK_AGAIN_MS = 20 };

/* Tries again and again, because only a signal ends a wait in flock(2). */
int file_lock(int fd, const char *name, bool wait, struct err *e)
{
    int r = 0;
    while (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK && !wait)
            return err_fail(e, EAGAIN, "another operation on the domain is under way");
        if (errno == EWOULDBLOCK)
            r = task_rest(LOCK_AGAIN_MS, e);
        else if (errno != EINTR)
            return err_fail(e, errno, "cannot lock '%s': %s", name, strerrordesc_np(errno));
    }
    if (r == 0)
        return 0;
    return err_fail(e, -r,
                    "it was interrupted while it waited for another program's operation on "
                    "the domain; nothing was done");
}
