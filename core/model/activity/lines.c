/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lines.c - see activity/lines.h. */
#include "model/activity/lines.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool ends_with(const char *line, const char *ending)
{
    size_t len = strlen(line), n = strlen(ending);
    return len >= n && !strcmp(line + len - n, ending);
}

static bool was_said(const struct oplog *log, const char *ending, time_t now)
{
    for (size_t i = log->n; i-- > 0 && log->lines[i].when + OPLOG_REPEAT_SECONDS > now;)
        if (ends_with(log->lines[i].text, ending))
            return true;
    return false;
}

static void begin_edition(struct oplog *log)
{
    size_t gone = log->n - OPLOG_KEPT;
    for (size_t i = 0; i < gone; i++)
        free(log->lines[i].text);
    memmove(log->lines, log->lines + gone, OPLOG_KEPT * sizeof(*log->lines));
    log->n = OPLOG_KEPT;
    log->edition++;
}

void oplog_add(struct oplog *log, char *line, const char *ending)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (!log->lines)
        log->lines = calloc(OPLOG_LINES, sizeof(*log->lines));
    if (!line || !log->lines || (ending && was_said(log, ending, now.tv_sec))) {
        free(line);
        return;
    }
    if (log->n == OPLOG_LINES)
        begin_edition(log);
    log->lines[log->n++] = (struct oplog_line){line, now.tv_sec};
    log->last = now;
}

void oplog_text(const struct oplog *log, struct text *out)
{
    for (size_t i = 0; i < log->n; i++)
        text_put(out, log->lines[i].text, strlen(log->lines[i].text));
}

void oplog_clear(struct oplog *log)
{
    for (size_t i = 0; i < log->n; i++)
        free(log->lines[i].text);
    free(log->lines);
    *log = (struct oplog){0};
}
