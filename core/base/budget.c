/* SPDX-License-Identifier: GPL-3.0-or-later */
/* budget.c - see budget.h.
 *
 * Locks: `making` is held while keepers drop memory, so it comes before every lock of theirs;
 * `turns` guards the wait for a turn, and is a leaf. What is counted is atomic, and so is taking a
 * turn that is free.
 */
#include "base/budget.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>

enum { LARGE = 1024 * 1024 }; /* nothing that is needed often is: a piece costs its page faults */

static uint64_t limit = BUDGET_DEFAULT_MIB * MIB;
static _Atomic uint64_t counted, working;

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
static struct {
    budget_drop *drop;
    void *ctx;
} keepers[BUDGET_KEEPERS]; /* under `making` */

static pthread_mutex_t turns = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t operation = PTHREAD_COND_INITIALIZER;
static _Atomic unsigned waiting;

/* What malloc keeps of freed memory, in each of its arenas, is in nobody's account, so that large
 * pieces go back to the system at once. */
void budget_set(uint64_t bytes)
{
    limit = bytes;
    mallopt(M_MMAP_THRESHOLD, LARGE);
    mallopt(M_TRIM_THRESHOLD, 2 * LARGE);
}

uint64_t budget_limit(void)
{
    return limit;
}

void budget_count(uint64_t bytes)
{
    atomic_fetch_add(&counted, bytes);
}

void budget_give(uint64_t bytes)
{
    atomic_fetch_sub(&counted, bytes);
}

bool budget_over(void)
{
    return atomic_load(&counted) > limit;
}

/* One keeper after another, until what is counted fits. */
static void make_room(void)
{
    pthread_mutex_lock(&making);
    for (int i = 0; i < BUDGET_KEEPERS; i++) {
        uint64_t now = atomic_load(&counted);
        if (keepers[i].drop && now > limit)
            keepers[i].drop(keepers[i].ctx, now - limit);
    }
    pthread_mutex_unlock(&making);
}

int budget_take(uint64_t bytes, struct err *e)
{
    budget_count(bytes);
    if (budget_over())
        make_room();
    if (!budget_over())
        return 0;
    budget_give(bytes);
    return err_fail(e, ENOMEM,
                    "%" PRIu64 " bytes more are needed than the %" PRIu64
                    " MiB that the option memory= allows",
                    bytes, limit / MIB);
}

bool budget_keeper(budget_drop *drop, void *ctx)
{
    bool found = false;
    pthread_mutex_lock(&making);
    for (int i = 0; i < BUDGET_KEEPERS && !found; i++)
        if (!keepers[i].drop) {
            keepers[i].drop = drop;
            keepers[i].ctx = ctx;
            found = true;
        }
    pthread_mutex_unlock(&making);
    return found;
}

void budget_keeper_ended(budget_drop *drop, void *ctx)
{
    pthread_mutex_lock(&making);
    for (int i = 0; i < BUDGET_KEEPERS; i++)
        if (keepers[i].drop == drop && keepers[i].ctx == ctx)
            keepers[i].drop = NULL;
    pthread_mutex_unlock(&making);
}

/* Takes a turn that is free. */
static bool try_turn(uint64_t bytes)
{
    uint64_t now = atomic_load(&working);
    while (!now || now + bytes <= limit / BUDGET_WORK)
        if (atomic_compare_exchange_weak(&working, &now, now + bytes))
            return true;
    return false;
}

/* Who waits says so before it tries, and who ends looks for it after: one of them sees the other.
 */
void budget_begin(uint64_t bytes)
{
    if (try_turn(bytes))
        return;
    pthread_mutex_lock(&turns);
    atomic_fetch_add(&waiting, 1);
    while (!try_turn(bytes))
        pthread_cond_wait(&operation, &turns);
    atomic_fetch_sub(&waiting, 1);
    pthread_mutex_unlock(&turns);
}

void budget_end(uint64_t bytes)
{
    atomic_fetch_sub(&working, bytes);
    if (!atomic_load(&waiting))
        return;
    pthread_mutex_lock(&turns);
    pthread_cond_broadcast(&operation);
    pthread_mutex_unlock(&turns);
}
