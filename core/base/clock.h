/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clock.h - time in nanoseconds, by a clock that is never set, and waits by that clock. */
#ifndef SNAPFS_BASE_CLOCK_H
#define SNAPFS_BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_MS UINT64_C(1000000)
#define CLOCK_SECOND UINT64_C(1000000000)

/* Returns the time since an unspecified moment (CLOCK_MONOTONIC). */
uint64_t clock_ns(void);
uint64_t clock_ms(void);

/* Returns the time of day, as in the times of files (CLOCK_REALTIME). */
uint64_t clock_real_ns(void);

uint64_t clock_from(struct timespec t);

/* Waits on `cond` with `lock` held. Returns false once clock_ns has reached `until`. Like any wait
 * on a condition, it may return early for no reason. */
bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until);

#endif
