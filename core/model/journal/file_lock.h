/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_lock.h - waits for a file's lock (flock) as a task does: interruptible. */
#ifndef SNAPFS_MODEL_JOURNAL_FILE_LOCK_H
#define SNAPFS_MODEL_JOURNAL_FILE_LOCK_H

#include <stdbool.h>

#include "base/error.h"

/* Locks the open file for one operation on a domain; with `wait`, once no other process has the
 * lock. -EAGAIN: another has it; -EINTR: the thread's task (activity/task.h) is unwanted; else
 * -errno. All have a message. */
int file_lock(int fd, const char *name, bool wait, struct err *e);

#endif
