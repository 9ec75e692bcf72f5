/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lock.h - holds a mutex from a statement to the end of its block. Header only.
 *
 *     autolock(&t->lock);
 *
 * Variables with a destructor that stand after it are destroyed under the lock.
 */
#ifndef SNAPFS_BASE_LOCK_H
#define SNAPFS_BASE_LOCK_H

#include <pthread.h>

static inline pthread_mutex_t *lock_take(pthread_mutex_t *mutex)
{
    pthread_mutex_lock(mutex);
    return mutex;
}

static inline void lock_leave(pthread_mutex_t **mutex)
{
    pthread_mutex_unlock(*mutex);
}

#define LOCK_JOIN_(a, b) a##b
#define LOCK_NAME_(line) LOCK_JOIN_(lock_of_line_, line)
#define autolock(mutex)                                                                            \
    pthread_mutex_t *LOCK_NAME_(__LINE__) __attribute__((cleanup(lock_leave), unused)) =           \
        lock_take(mutex)

#endif
