/* SPDX-License-Identifier: GPL-3.0-or-later */
/* interrupt.h - tells whether the caller of a change no longer wants it.
 *
 * The kernel reports every signal that the caller's program handles, of whatever kind, once for
 * each request. Go's runtime, for example, sends itself SIGURG all the time. So snapfs looks at the
 * caller's pending signals.
 */
#ifndef SNAPFS_FUSE_INTERRUPT_H
#define SNAPFS_FUSE_INTERRUPT_H

#include <stdbool.h>
#include <sys/types.h>

enum { INTERRUPT_LOOK_MS = 100 }; /* interval of the looks, after the kernel's report */

/* Tells whether HUP, INT, QUIT, TERM or KILL is pending for the thread (proc(5), /proc/PID/status).
 * Signals that the thread blocks or ignores do not count. False if the thread cannot be looked at.
 * */
bool interrupt_pending(pid_t thread);

/* Does the same with the text of that file. */
bool interrupt_in_status(const char *status);

#endif
