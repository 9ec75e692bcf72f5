/* SPDX-License-Identifier: GPL-3.0-or-later */
/* thread.c - see thread.h. */
#include "base/thread.h"

#include <signal.h>

int thread_start(pthread_t *ret, void *(*run)(void *arg), void *arg)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int no = pthread_create(ret, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return no;
}

int thread_start_detached(void *(*run)(void *arg), void *arg)
{
    pthread_t thread;
    int no = thread_start(&thread, run, arg);
    if (no == 0)
        pthread_detach(thread);
    return no;
}
