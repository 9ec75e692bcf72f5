/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outliving.h - programs that libvirt's daemon has started, and that outlive it.
 *
 * The daemon runs qemu-img to make overlays and to change the tags of a domain that is shut off. If
 * the daemon is killed, qemu-img goes on. A file may then appear, or a tag may change, after the
 * restarted daemon has answered.
 */
#ifndef SNAPFS_MODEL_CHANGE_OUTLIVING_H
#define SNAPFS_MODEL_CHANGE_OUTLIVING_H

#include <stdbool.h>

#include "base/error.h"

enum { OUTLIVING_WAIT_MS = 5000 };

/* Waits until no qemu-img is at work on a path for which `is_ours` returns true. ETIMEDOUT after
 * OUTLIVING_WAIT_MS; the message names the process and the path. EINTR if the thread's task is
 * unwanted. */
int outliving_wait(bool (*is_ours)(const void *ctx, const char *path), const void *ctx,
                   struct err *e);

#endif
