/* SPDX-License-Identifier: GPL-3.0-or-later */
/* daemon.h - going to the background without losing the first failure.
 *
 * The process forks before it connects to anything (libvirt's threads would not survive it) and the
 * parent waits on a pipe: it ends with 0 once the child has mounted, or prints the child's one
 * sentence and ends with 1.
 */
#ifndef SNAPFS_FUSE_DAEMON_H
#define SNAPFS_FUSE_DAEMON_H

#include <stdbool.h>

#include "base/error.h"

struct daemon {
    int status_fd; /* to the waiting parent; -1 in the foreground */
};

/* With `foreground` does nothing. Otherwise forks: returns 0 in the child; in the parent 1, with
 * the exit status in *ret_status, once the child has told its fate. */
int daemon_fork(struct daemon *d, bool foreground, int *ret_status, struct err *e);

/* The mount stands: leaves the terminal, lets the parent go. */
void daemon_ready(struct daemon *d);

/* The start failed: the sentence goes to the parent, or to stderr. */
void daemon_failed(struct daemon *d, const struct err *e);

#endif
