/* SPDX-License-Identifier: GPL-3.0-or-later */
/* budget.c - see budget.h.
 *
 * Locks: `making` is held while keepers drop memory, so it comes before every lock of a keeper.
 * `turns` guards the wait for a turn, and is a leaf. The counters are atomic, and a free turn is
 * taken without a lock.
 */
#include "base/budget.h"
#include "base/lock.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>

enum { LARGE = 1024 * 1024 }; /* a piece costs page faults; few are needed */

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

/* Sets the limit, and makes malloc return large pieces to the system at once. The account does not
 * count freed memory that malloc keeps in its arenas. */
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

/* Asks one keeper after another to drop memory, until the counted bytes fit the limit. */
static void make_room(void)
{
    autolock(&making);
    for (int i = 0; i < BUDGET_KEEPERS; i++) {
        uint64_t now = atomic_load(&counted);
        if (keepers[i].drop && now > limit)
            keepers[i].drop(keepers[i].ctx, now - limit);
    }
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
                    "snapfs needs %" PRIu64 " bytes more, but memory= allows %" PRIu64
                    " MiB in all; mount with a larger memory=",
                    bytes, limit / MIB);
}

bool budget_keeper(budget_drop *drop, void *ctx)
{
    bool found = false;
    autolock(&making);
    for (int i = 0; i < BUDGET_KEEPERS && !found; i++)
        if (!keepers[i].drop) {
            keepers[i].drop = drop;
            keepers[i].ctx = ctx;
            found = true;
        }
    return found;
}

void budget_keeper_ended(budget_drop *drop, void *ctx)
{
    autolock(&making);
    for (int i = 0; i < BUDGET_KEEPERS; i++)
        if (keepers[i].drop == drop && keepers[i].ctx == ctx)
            keepers[i].drop = NULL;
}

/* Takes a turn if one is free. */
static bool try_turn(uint64_t bytes)
{
    uint64_t now = atomic_load(&working);
    while (!now || now + bytes <= limit / BUDGET_WORK)
        if (atomic_compare_exchange_weak(&working, &now, now + bytes))
            return true;
    return false;
}

/* Waits for a turn. A waiter raises `waiting` before it tries; budget_end reads `waiting` after it
 * has freed its bytes. So at least one of the two sees the other. */
void budget_begin(uint64_t bytes)
{
    if (try_turn(bytes))
        return;
    autolock(&turns);
    atomic_fetch_add(&waiting, 1);
    while (!try_turn(bytes))
        pthread_cond_wait(&operation, &turns);
    atomic_fetch_sub(&waiting, 1);
}

void budget_end(uint64_t bytes)
{
    atomic_fetch_sub(&working, bytes);
    if (!atomic_load(&waiting))
        return;
    autolock(&turns);
    pthread_cond_broadcast(&operation);
}
