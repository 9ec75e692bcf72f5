/* SPDX-License-Identifier: GPL-3.0-or-later */
/* interrupt.c - see interrupt.h. */
#include "image/cat/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static _Atomic int noted; /* lock-free: set by the handler */

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static void note(int signal)
{
    int none = 0;
    atomic_compare_exchange_strong(&noted, &none, signal);
}

void interrupts_note(void)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct sigaction old, new = {.sa_handler = note, .sa_flags = SA_RESTART};
        if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(ends[i], &new, NULL);
    }
}

int interrupt_noted(void)
{
    return atomic_load(&noted);
}

void interrupt_obey(void)
{
    if (!interrupt_noted())
        return;
    signal(interrupt_noted(), SIG_DFL);
    raise(interrupt_noted());
}
