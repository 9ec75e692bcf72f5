/* SPDX-License-Identifier: GPL-3.0-or-later */
/* daemon.h - goes to the background without losing the first failure.
 *
 * The process forks before it connects to anything, because libvirt's threads would not survive a
 * fork. The parent waits on a pipe. It exits with 0 once the child has mounted; or it prints the
 * child's one sentence and exits with 1.
 */
#ifndef SNAPFS_FUSE_DAEMON_H
#define SNAPFS_FUSE_DAEMON_H

#include <stdbool.h>

#include "base/error.h"

struct daemon {
    int status_fd; /* to the waiting parent; -1 in the foreground */
};

/* Forks, unless `foreground` is set. Returns 0 in the child. Returns 1 in the parent, after the
 * child has reported, with the exit status in *ret_status. */
int daemon_fork(struct daemon *d, bool foreground, int *ret_status, struct err *e);

/* Reports that the mount is ready: leaves the terminal, and lets the parent end. */
void daemon_ready(struct daemon *d);

/* Reports that the start failed: sends the sentence to the parent, or to stderr. */
void daemon_failed(struct daemon *d, const struct err *e);

#endif
