/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress.c - see progress.h. It uses plain characters and a carriage return, so any terminal will
 * do. */
#include "image/cat/progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { COLUMNS = 80, COLUMNS_MAX = 160, TEXT_MAX = 64, BAR_MIN = 10, MIB = 1024 * 1024 };

void progress_start(struct progress *p)
{
    *p = (struct progress){.shown = isatty(STDERR_FILENO) == 1, .started = clock_ns()};
}

/* Returns the columns for the bar. The last column stays free, because some terminals begin a new
 * line after it. */
static unsigned columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
        return COLUMNS - 1;
    return (unsigned)min_u64(size.ws_col - 1u, COLUMNS_MAX);
}

void progress_draw(struct progress *p, uint64_t done, uint64_t all, uint64_t copied)
{
    if (!p->shown)
        return;
    double share = all ? (double)done / (double)all : 1, mib = (double)copied / MIB;
    double seconds = (double)(clock_ns() - p->started) / 1e9;
    char text[TEXT_MAX], bar[COLUMNS_MAX + 1];
    int used = snprintf(text, sizeof(text), "%3.0f%% %9.0f MiB %6.0f MiB/s", share * 100, mib,
                        seconds > 0 ? mib / seconds : 0);
    p->columns = columns();
    unsigned room =
        used > 0 && p->columns > (unsigned)used + 3 ? p->columns - (unsigned)used - 3 : 0;
    unsigned full = (unsigned)(share * room);
    for (unsigned i = 0; i < room; i++)
        bar[i] = i < full ? '=' : ' ';
    if (room >= BAR_MIN)
        fprintf(stderr, "\r[%.*s] %s", (int)room, bar, text);
    else
        fprintf(stderr, "\r%.*s", (int)p->columns, text);
}

void progress_clear(struct progress *p)
{
    if (p->shown && p->columns)
        fprintf(stderr, "\r%*s\r", (int)p->columns, "");
}
