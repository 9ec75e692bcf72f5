/* SPDX-License-Identifier: GPL-3.0-or-later */
/* budget.h - the one account of all memory that grows with the files and lists that snapfs reads.
 *
 * One account serves the whole process. It bounds the memory that foreign images and documents can
 * make snapfs use. Any thread may call these functions; see budget.c for locks. The account has
 * three kinds of memory:
 * - Memory that is needed as long as something is open or known (budget_take). snapfs refuses such
 *   memory past the limit.
 * - Memory kept for speed alone (budget_count). Its keepers look at budget_over, and drop memory
 *   when asked (budget_keeper).
 * - Memory that a piece of work uses while it runs (budget_begin). Such work waits for its turn.
 */
#ifndef SNAPFS_BASE_BUDGET_H
#define SNAPFS_BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define MIB UINT64_C(1048576)

enum {
    BUDGET_DEFAULT_MIB = 256,
    BUDGET_LEAST_MIB = 16, /* one cluster with zstd's window, and a little more */
    BUDGET_MOST_MIB = 1024 * 1024,
    BUDGET_WORK = 3,   /* work under way may use 1/3 of the limit together */
    BUDGET_KEEPERS = 4 /* at most */
};

/* Sets the limit. Call it before anything is counted, and before the second thread starts. */
void budget_set(uint64_t bytes);
uint64_t budget_limit(void);

/* Counts memory that is needed, and asks keepers to drop memory if the limit requires it. If there
 * is still no room, it fails with ENOMEM and counts nothing. */
int budget_take(uint64_t bytes, struct err *e);

/* Counts memory without a check of the limit. */
void budget_count(uint64_t bytes);

/* Takes back bytes that budget_take or budget_count counted. */
void budget_give(uint64_t bytes);

/* Tells whether more bytes are counted than the limit allows. */
bool budget_over(void);

/* Registers a keeper of memory that is kept for speed. `drop` frees about `bytes` bytes, if the
 * keeper has them. budget_take calls `drop` with a lock held, so `drop` must not call budget_take.
 * Returns false if there are too many keepers. */
typedef void budget_drop(void *ctx, uint64_t bytes);
bool budget_keeper(budget_drop *drop, void *ctx);
void budget_keeper_ended(budget_drop *drop, void *ctx);

/* Begins work that uses `bytes` bytes while it runs. It waits until the work under way leaves room
 * for these bytes, but never waits if no other work is under way. A thread must not begin work
 * while other work of its own is under way. */
void budget_begin(uint64_t bytes);
void budget_end(uint64_t bytes);

#endif
