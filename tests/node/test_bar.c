/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bar that keeps a recursive remove from deleting snapshots: which directories it holds, and for how long.
 */
#include "node/bar.h"

#include <stdlib.h>

#include "model/model.h"
#include "tap.h"

#define SECOND UINT64_C(1000000000)

enum { N = 4 };

/* 1/{2/3, 4} */
static struct snapshot all[N] = {{.ident = 1}, {.ident = 2}, {.ident = 3}, {.ident = 4}};
static struct snapshot *by_ident[N] = {&all[0], &all[1], &all[2], &all[3]};
static struct domain domain = {.n = N, .all = all, .by_ident = by_ident};

static void test_tree(struct bar *b)
{
    const uint64_t now = 1000 * SECOND;
    TAP_OK(!bar_holds(b, &domain, &all[0], now), "nothing is barred at first");
    bar_note(b, 2, now);
    TAP_OK(bar_holds(b, &domain, &all[1], now), "the snapshot itself is barred");
    TAP_OK(bar_holds(b, &domain, &all[0], now), "the one above it is barred");
    TAP_OK(!bar_holds(b, &domain, &all[2], now), "the one below it is not");
    TAP_OK(!bar_holds(b, &domain, &all[3], now), "its sibling is not");
    TAP_OK(bar_holds(b, &domain, &all[1], now + BAR_SECONDS * SECOND - 1), "until the end");
    TAP_OK(!bar_holds(b, &domain, &all[1], now + BAR_SECONDS * SECOND), "and no longer");
}

static void test_renewed(struct bar *b)
{
    const uint64_t now = 2000 * SECOND;
    bar_note(b, 3, now);
    bar_note(b, 3, now + SECOND);
    TAP_OK(b->n == 1, "a snapshot takes one place, took %zu", b->n);
    TAP_OK(bar_holds(b, &domain, &all[2], now + BAR_SECONDS * SECOND), "the last unlink counts");
}

static void test_many(struct bar *b)
{
    const uint64_t now = 3000 * SECOND;
    for (uint64_t i = 0; i < BAR_MAX; i++)
        bar_note(b, 100 + i, now);
    TAP_OK(!bar_holds(b, &domain, &all[3], now), "a full bar holds only what is in it");
    bar_note(b, 5000, now);
    TAP_OK(bar_holds(b, &domain, &all[3], now), "an overflowing bar holds everything");
    TAP_OK(!bar_holds(b, &domain, &all[3], now + BAR_SECONDS * SECOND), "for as long");
}

int main(void)
{
    struct bar b;
    all[1].parent = &all[0];
    all[2].parent = &all[1];
    all[3].parent = &all[0];
    bar_init(&b);
    test_tree(&b);
    test_renewed(&b);
    test_many(&b);
    bar_destroy(&b);
    return tap_done();
}
