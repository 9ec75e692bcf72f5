/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ending.c - see ending.h. A thread of its own waits for the signals, which are blocked in all
 * threads.
 *
 * libfuse's loop waits on a semaphore in the main thread. If a signal interrupts the wait, the loop
 * looks whether it must end. WAKE is that signal; its handler does nothing. It is sent again and
 * again until the loop has ended, because one may come between the look and the wait.
 */
#include "fuse/ending.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "fuse/log.h"
#include "model/model.h"

#define WAKE SIGUSR1

enum {
    WAKE_AGAIN_MS = 50,
    WATCHES_MS = 5000 /* time for readers whose image is being renewed */
};

/* Returns the signals that end the mount. If one was ignored at the start, as by nohup(1) or a
 * shell's '&', it stays ignored. */
static sigset_t stops(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        struct sigaction now;
        if (sigaction(numbers[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&set, numbers[i]);
    }
    return set;
}

void ending_block(void)
{
    sigset_t set = stops();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN); /* so that EPIPE and EFBIG are ordinary errors */
    signal(SIGXFSZ, SIG_IGN);
}

static void on_wake(int number)
{
    (void)number;
}

static void end_loop(struct ending *en)
{
    fuse_session_exit(en->session);
    autolock(&en->lock);
    while (!en->over) {
        pthread_kill(en->main, WAKE);
        clock_wait(&en->finished, &en->lock, clock_ns() + WAKE_AGAIN_MS * CLOCK_MS);
    }
}

/* Waits for a signal. It also takes the WAKE by which ending_finish ends this thread. */
static void *wait_for_signal(void *data)
{
    struct ending *en = data;
    sigset_t set = stops();
    int number = 0;
    sigaddset(&set, WAKE);
    sigwait(&set, &number);
    unsigned running = tasks_close(en->tasks);
    if (running)
        log_line(LOG_LEVEL_INFO, "ending once what is under way is done: %u changes", running);
    model_recover_stop(en->model);
    tasks_wait(en->tasks);
    end_loop(en);
    return NULL;
}

static void init(struct ending *en)
{
    pthread_mutex_init(&en->lock, NULL);
    pthread_cond_init(&en->finished, NULL);
}

static void destroy(struct ending *en)
{
    pthread_cond_destroy(&en->finished);
    pthread_mutex_destroy(&en->lock);
}

/* Starts the waiter. WAKE is blocked in the waiter from its first moment, and is unblocked only in
 * the calling thread. */
static int start_waiter(struct ending *en)
{
    struct sigaction wake = {.sa_handler = on_wake};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, WAKE);
    sigaction(WAKE, &wake, NULL);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int no = pthread_create(&en->waiter, NULL, wait_for_signal, en);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return no;
}

int ending_begin(struct ending *en, struct fuse_session *session, struct tasks *tasks,
                 struct model *m, struct err *e)
{
    *en = (struct ending){.session = session, .tasks = tasks, .model = m, .main = pthread_self()};
    init(en);
    int no = start_waiter(en);
    if (!no)
        return 0;
    destroy(en);
    return err_fail(e, EAGAIN, "no thread can be started: %s", strerrordesc_np(no));
}

bool ending_finish(struct ending *en)
{
    pthread_mutex_lock(&en->lock);
    en->over = true;
    pthread_cond_broadcast(&en->finished);
    pthread_mutex_unlock(&en->lock);
    pthread_kill(en->waiter, WAKE);
    pthread_join(en->waiter, NULL);
    destroy(en);
    return tasks_wait_watches(en->tasks, WATCHES_MS);
}
