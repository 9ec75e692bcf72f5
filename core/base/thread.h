/* SPDX-License-Identifier: GPL-3.0-or-later */
/* thread.h - starts threads. They have all signals blocked, because the threads that handle signals
 * are others. */
#ifndef SNAPFS_BASE_THREAD_H
#define SNAPFS_BASE_THREAD_H

#include <pthread.h>

/* Starts a thread, which the caller joins. Returns 0, or an error number and no thread. */
int thread_start(pthread_t *ret, void *(*run)(void *arg), void *arg);

/* Starts a thread that no other thread joins. Returns the same. */
int thread_start_detached(void *(*run)(void *arg), void *arg);

#endif
