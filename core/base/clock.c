/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clock.c - see clock.h. No locks. */
#include "base/clock.h"

#include <errno.h>

uint64_t clock_from(struct timespec t)
{
    return (uint64_t)t.tv_sec * CLOCK_SECOND + (uint64_t)t.tv_nsec;
}

uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return clock_from(t);
}

uint64_t clock_ms(void)
{
    return clock_ns() / CLOCK_MS;
}

uint64_t clock_real_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return clock_from(t);
}

bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until)
{
    struct timespec t = {.tv_sec = (time_t)(until / CLOCK_SECOND),
                         .tv_nsec = (long)(until % CLOCK_SECOND)};
    return pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &t) != ETIMEDOUT;
}
