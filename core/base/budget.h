/* SPDX-License-Identifier: GPL-3.0-or-later */
/* budget.h - the one account of all memory that grows with what is read or listed.
 *
 * It is of the process, and bounds what strangers' images and documents can make it take. There are
 * three kinds of memory in it: what is needed for as long as something is open or known
 * (budget_take), which is refused past the limit; what is kept for speed alone (budget_count),
 * whose keepers look at budget_over, and drop it when asked (budget_keeper); and what a
 * piece of work takes while it runs (budget_begin), which waits for its turn. Any thread; see
 * budget.c for locks.
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
    BUDGET_LEAST_MIB = 16, /* what one cluster may need with zstd's window, and a little beside */
    BUDGET_MOST_MIB = 1024 * 1024,
    BUDGET_WORK = 3,   /* the part of it, 1/3, that work under way may take together */
    BUDGET_KEEPERS = 4 /* at most */
};

/* Sets the limit; before anything is counted, and before the second thread. */
void budget_set(uint64_t bytes);
uint64_t budget_limit(void);

/* Counts memory that is needed, making room for it where others can drop some. -ENOMEM: there is no
 * room, and nothing was counted. */
int budget_take(uint64_t bytes, struct err *e);

/* Counts memory whatever the limit. */
void budget_count(uint64_t bytes);

/* Takes back what either counted. */
void budget_give(uint64_t bytes);

/* Is more counted than there may be? */
bool budget_over(void);

/* Who keeps memory for speed: `drop` frees about so many bytes, if it has them. It is called with a
 * lock held that budget_take takes, so it takes nothing; false when there are too many. */
typedef void budget_drop(void *ctx, uint64_t bytes);
bool budget_keeper(budget_drop *drop, void *ctx);
void budget_keeper_ended(budget_drop *drop, void *ctx);

/* Work that takes so many bytes while it runs: waits until that under way leaves room for it, but
 * not when it is alone. Not while other work of the same thread is under way. */
void budget_begin(uint64_t bytes);
void budget_end(uint64_t bytes);

#endif
