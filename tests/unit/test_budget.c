/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_budget.c - the account: its refusals, whom it asks for room, and in which order. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/budget.h"
#include "tap.h"

enum { LIMIT = 9000, WORK = LIMIT / BUDGET_WORK, THREADS = 8, ROUNDS = 2000 };

struct keeper {
    uint64_t has, asked;
};

static void drop(void *ctx, uint64_t bytes)
{
    struct keeper *k = ctx;
    uint64_t n = bytes < k->has ? bytes : k->has;
    k->asked = bytes;
    k->has -= n;
    budget_give(n);
}

static void test_account(void)
{
    struct err e = {0};
    struct keeper one = {.has = 3000}, two = {.has = 3000};
    TAP_OK(budget_take(LIMIT, &e) == 0 && !budget_over(), "all of it");
    TAP_OK(budget_take(1, &e) == -ENOMEM && strstr(e.text, "memory="), "and no more: %s", e.text);
    TAP_OK(!budget_over(), "what is refused is not counted");
    budget_count(1);
    TAP_OK(budget_over(), "what only counts is not refused");
    budget_give(LIMIT + 1);
    TAP_OK(budget_keeper(drop, &one) && budget_keeper(drop, &two), "two keepers");
    budget_count(6000);
    TAP_OK(budget_take(5000, &e) == 0, "taken from those who can do without");
    TAP_OK(one.asked == 2000 && one.has == 1000 && !two.asked, "the first had enough");
    TAP_OK(budget_take(3000, &e) == 0 && !one.has && two.has == 1000, "the next gives the rest");
    TAP_OK(budget_take(2000, &e) == -ENOMEM && !two.has, "until nobody has any");
    budget_keeper_ended(drop, &one);
    one.asked = 0;
    TAP_OK(budget_take(2000, &e) == -ENOMEM && !one.asked, "who has ended is not asked");
    budget_keeper_ended(drop, &two);
    budget_give(8000);
    TAP_OK(budget_take(LIMIT, &e) == 0, "all of it again: nothing was lost");
    budget_give(LIMIT);
}

static _Atomic uint64_t under_way;
static _Atomic unsigned wrong, alone;

/* Each of another size; those of 3000 and more only fit when they are alone. */
static void *work(void *arg)
{
    uint64_t bytes = 700 * (1 + (uint64_t)(uintptr_t)arg);
    for (int i = 0; i < ROUNDS; i++) {
        budget_begin(bytes);
        uint64_t now = atomic_fetch_add(&under_way, bytes) + bytes;
        wrong += now > WORK && now != bytes;
        alone += now > WORK;
        atomic_fetch_sub(&under_way, bytes);
        budget_end(bytes);
    }
    return NULL;
}

static void test_turns(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i))
            TAP_OK(false, "thread %ju", (uintmax_t)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    TAP_OK(!wrong, "%u times there was too much under way", wrong);
    TAP_OK(alone == 4 * ROUNDS, "what is too big for it goes alone, %u times", alone);
}

int main(void)
{
    budget_set(LIMIT);
    test_account();
    test_turns();
    return tap_done();
}
