/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The signals of a caller that count. */
#include "fuse/interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "tap.h"

static bool counts(const char *pending, const char *shared, const char *blocked,
                   const char *ignored)
{
    char status[512];
    snprintf(status, sizeof(status),
             "Name:\tx\nSigQ:\t0/1\nSigPnd:\t%s\nShdPnd:\t%s\nSigBlk:\t%s\nSigIgn:\t%s\n", pending,
             shared, blocked, ignored);
    return interrupt_in_status(status);
}

static void test_sets(void)
{
    const char *none = "0000000000000000", *interrupt = "0000000000000002";
    const char *kill = "0000000000000100", *urgent = "0000000000400000";
    TAP_OK(!counts(none, none, none, none), "no signal");
    TAP_OK(counts(interrupt, none, none, none), "INT of the thread");
    TAP_OK(counts(none, interrupt, none, none), "INT of the process");
    TAP_OK(counts(kill, none, none, none), "KILL");
    TAP_OK(counts(none, "0000000000000001", none, none), "HUP");
    TAP_OK(counts(none, "0000000000000004", none, none), "QUIT");
    TAP_OK(counts(none, "0000000000004000", none, none), "TERM");
    TAP_OK(!counts(urgent, urgent, none, none), "not URG");
    TAP_OK(counts(none, "0000000000400002", none, none), "INT beside URG");
    TAP_OK(!counts(none, interrupt, interrupt, none), "not what is blocked");
    TAP_OK(!counts(none, interrupt, none, interrupt), "not what is ignored");
    TAP_OK(!counts("ffffffffffbfbef8", none, none, none), "none of all others");
    TAP_OK(!interrupt_in_status("") && !interrupt_in_status("Name:\tSigPnd:\t2\n"), "no such line");
}

/* A signal that the process of a sleeping thread blocks is pending, but will not come. */
static void test_own(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    TAP_OK(!interrupt_pending(gettid()), "nothing is pending of this thread");
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    raise(SIGINT);
    TAP_OK(!interrupt_pending(gettid()), "nor what it blocks");
    TAP_OK(!interrupt_pending(0), "nor of a caller that is not known");
}

int main(void)
{
    test_sets();
    test_own();
    return tap_done();
}
