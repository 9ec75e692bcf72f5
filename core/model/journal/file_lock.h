/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file_lock.h - takes a file's lock (flock). The user can interrupt the wait for the lock. */
#ifndef SNAPFS_MODEL_JOURNAL_FILE_LOCK_H
#define SNAPFS_MODEL_JOURNAL_FILE_LOCK_H

#include <stdbool.h>

#include "base/error.h"

/* Locks the open file for one operation on a domain. If another process has the lock, it waits
 * with `wait`, else it fails with EAGAIN. If the thread's task (activity/task.h) is unwanted, it
 * fails with EINTR. Every failure has a message. */
int file_lock(int fd, const char *name, bool wait, struct err *e);

#endif
