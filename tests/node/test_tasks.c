/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_tasks.c - threads of a mount that ends: no change begins, no running change is cut off, and a
 * reader's thread begins only while a change runs. */
#include "fuse/tasks.h"

#include <errno.h>

#include "tap.h"

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
};

static void wait_at(void *data)
{
    struct gate *g = data;
    pthread_mutex_lock(&g->lock);
    while (!g->open)
        pthread_cond_wait(&g->opened, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void open_gate(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_broadcast(&g->opened);
    pthread_mutex_unlock(&g->lock);
}

int main(void)
{
    enum { SHORT_MS = 20, LONG_MS = 30000 };
    struct gate change = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct gate reader = change;
    struct tasks t;
    struct err e = {0};
    tasks_init(&t);
    TAP_OK(tasks_start(&t, wait_at, &change, &e) == 0, "a change begins");
    TAP_OK(tasks_watch(&t, wait_at, &reader, &e) == 0, "so does a reader's thread");
    TAP_OK(tasks_close(&t) == 1, "one change runs when the mount is told to end");
    TAP_OK(tasks_start(&t, wait_at, &change, &e) == -ESHUTDOWN, "no other change begins");
    TAP_OK(tasks_watch(&t, wait_at, &reader, &e) == 0, "but what QEMU reads for that one does");
    open_gate(&change);
    tasks_wait(&t);
    TAP_OK(true, "the change's end is waited for, and no reader's");
    TAP_OK(tasks_watch(&t, wait_at, &reader, &e) == -ESHUTDOWN, "no reader's thread begins then");
    TAP_OK(!tasks_wait_watches(&t, SHORT_MS), "readers that are stuck are not waited for");
    open_gate(&reader);
    TAP_OK(tasks_wait_watches(&t, LONG_MS), "those that end are");
    tasks_destroy(&t);
    return tap_done();
}
