/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_cows.c - which open .cow files have a view, and since when. */
#include "node/cows.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "tap.h"

enum { SIZE = 1 << 20, THREADS = 6, TURNS = 200, SLOW_MS = 20 };

static struct cow_open of(uint64_t node, bool writes)
{
    return (struct cow_open){
        .node = node, .number = node, .size = SIZE, .chain = 7, .writes = writes};
}

static int open_it(struct cows *all, uint64_t node, bool writes, bool *first)
{
    struct cow_open o = of(node, writes);
    return cows_open(all, &o, first, NULL);
}

static bool has_view(struct cows *all, uint64_t node)
{
    struct cow *c = cows_get(all, node);
    cow_unref(c);
    return c != NULL;
}

static void test_life(struct cows *all)
{
    bool first = false, second = true;
    TAP_OK(open_it(all, 1, false, &first) == 0 && first && !has_view(all, 1),
           "an open for reading alone makes no view");
    TAP_OK(open_it(all, 1, true, &second) == 0 && !second && has_view(all, 1),
           "one for writing makes it");
    TAP_OK(!cows_close(all, 1) && has_view(all, 1), "it stays for the other open");
    TAP_OK(cows_close(all, 1) && !has_view(all, 1), "and goes with the last one");
    TAP_OK(!cows_close(all, 1), "a node that is not open is passed over");
}

static void test_most(struct cows *all)
{
    bool first;
    uint64_t node = 1;
    while (node <= COWS_MAX && open_it(all, node, true, &first) == 0)
        node++;
    uint64_t begin = clock_ms();
    TAP_OK(open_it(all, node, true, &first) == -ENOSPC && node == COWS_MAX + 1,
           "%d files have a view at a time", COWS_MAX);
    TAP_OK(clock_ms() - begin >= COWS_CLOSE_MS, "closes on their way are waited for");
    TAP_OK(open_it(all, node, false, &first) == 0 && first, "another one can be read");
    cows_close(all, node);
    TAP_OK(open_it(all, 1, true, &first) == 0 && !first, "those that have one are opened again");
    cows_close(all, 1);
    while (--node)
        cows_close(all, node);
    TAP_OK(open_it(all, 9, true, &first) == 0 && first, "then there is room again");
    cows_close(all, 9);
}

static void test_changed(struct cows *all)
{
    bool first;
    struct cow_open o = of(1, true), other = o, moved = o;
    other.chain = 8;
    moved.node = 2;
    cows_open(all, &o, &first, NULL);
    TAP_OK(cows_open(all, &other, &first, NULL) == -EBUSY, "no open on other files joins the view");
    cows_renewed(all, 1, 7, 8);
    TAP_OK(cows_open(all, &other, &first, NULL) == 0 && !first, "unless they have the same bytes");
    cows_close(all, 1);
    TAP_OK(cows_open(all, &moved, &first, NULL) == -EBUSY, "none by another node");
    moved.writes = false;
    TAP_OK(cows_open(all, &moved, &first, NULL) == -EBUSY, "for reading neither");
    cows_close(all, 1);
    TAP_OK(cows_open(all, &moved, &first, NULL) == 0 && first, "until the first one is closed");
    TAP_OK(cows_open(all, &o, &first, NULL) == -EBUSY,
           "a reader keeps writers of another node off");
    cows_close(all, 2);
}

static void *close_late(void *arg)
{
    usleep(SLOW_MS * 1000);
    cows_close(arg, 1);
    return NULL;
}

/* close(2) has returned, and we hear of it after the next open. */
static void test_late_close(struct cows *all)
{
    bool first = false;
    pthread_t thread;
    open_it(all, 1, true, &first);
    pthread_create(&thread, NULL, close_late, all);
    TAP_OK(open_it(all, 1, true, &first) == 0 && first, "an open waits for the close before it");
    pthread_join(thread, NULL);
    cows_close(all, 1);
}

static atomic_uint failed;

static void *open_and_close(void *arg)
{
    struct cows *all = arg;
    bool first;
    for (unsigned i = 0; i < TURNS; i++) {
        uint64_t node = i % 3 + 1;
        int r = open_it(all, node, i % 2, &first);
        if (r < 0 || (i % 2 && !has_view(all, node)))
            atomic_fetch_add(&failed, 1);
        if (r == 0)
            cows_close(all, node);
    }
    return NULL;
}

static void test_threads(struct cows *all)
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, open_and_close, all);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    TAP_OK(failed == 0, "many threads open and close side by side");
    TAP_OK(!all->first && all->n == 0, "and leave nothing");
}

int main(void)
{
    char directory[] = "/tmp/snapfs-test-cows-XXXXXX";
    struct cows all;
    bool first;
    if (!mkdtemp(directory) || setenv("STATE_DIRECTORY", directory, 1) < 0)
        return 1;
    cows_init(&all, SIZE);
    test_life(&all);
    test_most(&all);
    test_changed(&all);
    test_late_close(&all);
    test_threads(&all);
    open_it(&all, 1, true, &first);
    cows_destroy(&all);
    TAP_OK(rmdir(directory) == 0, "no file is left in the state directory");
    return tap_done();
}
