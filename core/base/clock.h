/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clock.h - nanoseconds: the clock that nobody sets, and waiting by it. */
#ifndef SNAPFS_BASE_CLOCK_H
#define SNAPFS_BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_MS UINT64_C(1000000)
#define CLOCK_SECOND UINT64_C(1000000000)

/* Since an unknown moment (CLOCK_MONOTONIC). */
uint64_t clock_ns(void);
uint64_t clock_ms(void);

/* Of the day, as files' times are (CLOCK_REALTIME). */
uint64_t clock_real_ns(void);

uint64_t clock_from(struct timespec t);

/* Waits on `cond`, with `lock` held; false once clock_ns has come to `until`. As with any condition
 * it may return early for nothing. */
bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until);

#endif
