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

#include "fuse/lowlevel.h"

enum { INTERRUPT_LOOK_MS = 100 }; /* interval of the looks, after the kernel's report */

/* Tells whether HUP, INT, QUIT, TERM or KILL is pending for the thread (proc(5), /proc/PID/status).
 * Signals that the thread blocks or ignores do not count. False if the thread cannot be looked at.
 * */
bool interrupt_pending(pid_t thread);

/* Does the same with the text of that file. */
bool interrupt_in_status(const char *status);

/* Tells whether the request's caller is killed or interrupted. The kernel reports no interrupt if a
 * read waits for a page, or goes past the pages (O_DIRECT). So snapfs looks at the caller's pending
 * signals. If the caller is in another pid namespace, they cannot be seen, and each interrupt that
 * the kernel reports counts. */
bool interrupt_of_request(fuse_req_t req);

#endif
