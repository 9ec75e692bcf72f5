/* SPDX-License-Identifier: GPL-3.0-or-later */
/* interrupt.h - does whoever asked for a change want it no more?
 *
 * The kernel tells of every signal that its program handles, once for each request, whatever the
 * signal is for: Go's runtime sends itself SIGURG all the time. So the caller's own signals count.
 */
#ifndef SNAPFS_FUSE_INTERRUPT_H
#define SNAPFS_FUSE_INTERRUPT_H

#include <stdbool.h>
#include <sys/types.h>

enum { INTERRUPT_LOOK_MS = 100 }; /* once the kernel has told, they are looked at so often */

/* Is one of HUP, INT, QUIT, TERM and KILL about to reach the thread (proc(5), /proc/PID/status)?
 * What it blocks or ignores is not. False also of a thread that cannot be looked at. */
bool interrupt_pending(pid_t thread);

/* The same, by the text of that file. */
bool interrupt_in_status(const char *status);

#endif
