/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasks, the queue of a domain, and its `job` for both. */
#include "base/clock.h"
#include "model/activity/task.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "model/activity/activity.h"
#include "model/activity/progress.h"
#include "model/activity/queue.h"
#include "model/model.h"
#include "model/state.h"
#include "tap.h"

#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"

enum { WORKERS = 4 };

static struct model *m;
static struct work *domain;
static atomic_int next_turn;

struct worker {
    struct task task;
    pthread_t thread;
    int operation, result; /* -1: it had none */
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct queue_place place;
    struct err e;
    task_begin(&w->task, m, "work", "a/b");
    w->result = queue_enter(m->activity, &domain->queue, &place, &e);
    w->operation = w->result == 0 ? atomic_fetch_add(&next_turn, 1) : -1;
    if (w->result == 0)
        queue_leave(m->activity, &domain->queue, &place);
    task_end(&w->task);
    return NULL;
}

static size_t waiting(void)
{
    pthread_mutex_lock(&m->activity->lock);
    size_t n = queue_waiting(&domain->queue);
    pthread_mutex_unlock(&m->activity->lock);
    return n;
}

static char *job(void)
{
    char *text = NULL;
    size_t len;
    struct err e;
    TAP_OK(model_job(m, UUID, "web01", false, &text, &len, &e) == 0 && strlen(text) == len,
           "the job is told");
    return text;
}

static void says(const char *line, const char *what)
{
    autofree char *text = job();
    bool said = text && strstr(text, line);
    TAP_OK(said, "%s", what);
    if (!said)
        fprintf(stderr, "not in it: %s\n%s\n", line, text ? text : "");
}

/* They come one after the other, and one gives up before its turn. */
static void test_queue(void)
{
    struct worker w[WORKERS] = {0};
    struct queue_place mine;
    struct err e;
    TAP_OK(queue_enter(m->activity, &domain->queue, &mine, &e) == 0, "an empty queue is entered");
    progress_begin(m->activity, domain);
    for (size_t i = 0; i < WORKERS; i++) {
        pthread_create(&w[i].thread, NULL, work, &w[i]);
        while (waiting() != i + 1)
            sched_yield();
    }
    says("Waiting:        4\n", "those who wait are counted");
    task_unwanted(&w[1].task); /* returns once it is over */
    pthread_join(w[1].thread, NULL);
    TAP_OK(w[1].result == -EINTR && waiting() == WORKERS - 1, "one gives up, the others wait");
    progress_end(m->activity, domain);
    queue_leave(m->activity, &domain->queue, &mine);
    for (size_t i = 0; i < WORKERS; i++)
        if (i != 1)
            pthread_join(w[i].thread, NULL);
    TAP_OK(w[0].operation == 0 && w[2].operation == 1 && w[3].operation == 2,
           "the others come in order");
    TAP_OK(!domain->queue.first, "the queue is empty");
}

static void *unwant(void *arg)
{
    task_unwanted(arg);
    return NULL;
}

static void test_rest(void)
{
    struct task t;
    struct err e = {0};
    pthread_t thread;
    TAP_OK(task_check(&e) == 0 && !task_mine(), "without a task nothing is unwanted");
    task_begin(&t, m, "work", "a/b");
    TAP_OK(task_mine() == &t && task_check(&e) == 0, "nor is one that nobody stopped");
    TAP_OK(task_rest(1, &e) == 0 && task_wait(&t, 1), "it rests, and is not over");
    uint64_t began = clock_ns();
    pthread_create(&thread, NULL, unwant, &t);
    TAP_OK(task_rest(60000, &e) == -EINTR, "a rest ends when it is unwanted: %s", e.text);
    TAP_OK(clock_ns() - began < 30 * CLOCK_SECOND, "at once");
    TAP_OK(task_check(&e) == -EINTR && e.no == EINTR, "and so it stays");
    task_end(&t);
    pthread_join(thread, NULL);
    TAP_OK(!task_wait(&t, 60000) && !task_mine(), "it is over");
}

static void test_job(void)
{
    struct task t;
    struct timespec when = {0};
    says("none\n", "nothing runs");
    TAP_OK(model_job_time(m, UUID, &when) && when.tv_sec, "and did before");
    task_begin(&t, m, "rmdir", "web/x");
    progress_set("never", 1, 2);
    progress_begin(m->activity, domain);
    says("Operation:      rmdir\nPath:           web/x\nElapsed:        0 s\n", "what it is");
    progress_set("merging", 3, 4);
    says("Step:           merging\nElapsed:        0 s\nBytes:          3/4\nPercent:        75\n",
         "how far it is");
    progress_set("merging", 5, 4);
    says("Bytes:          4/4\nPercent:        100\n", "never further than there is");
    progress_before("waiting", false);
    autofree char *text = job();
    TAP_OK(text && strstr(text, "waiting") && !strstr(text, "Bytes"), "nothing is known of a call");
    pthread_t thread;
    pthread_create(&thread, NULL, unwant, &t);
    while (task_check(NULL) == 0)
        sched_yield();
    says("Interrupted:    yes\n", "it was interrupted");
    progress_end(m->activity, domain);
    says("none\n", "it is through");
    progress_set("never", 1, 2);
    says("none\n", "and publishes nothing any more");
    task_end(&t);
    pthread_join(thread, NULL);
}

int main(void)
{
    struct model_options o = {.uri = "test:///default"};
    struct err e;
    if (model_open(&o, &m, &e) < 0)
        return 1;
    domain = work_get(m->activity, UUID);
    test_queue();
    test_rest();
    test_job();
    work_done(m->activity, domain);
    model_close(m);
    return tap_done();
}
