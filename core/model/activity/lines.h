/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lines.h - the lines of a domain's `log`, as one edition of a file that only grows at its end.
 *
 * A full edition ends: the next one begins with its last OPLOG_KEPT lines and is another file, so
 * that `tail -F` follows. The caller locks.
 */
#ifndef SNAPFS_MODEL_ACTIVITY_LINES_H
#define SNAPFS_MODEL_ACTIVITY_LINES_H

#include <stddef.h>
#include <time.h>

#include "base/text.h"

enum {
    OPLOG_LINES = 400, /* of a full edition */
    OPLOG_KEPT = 200,
    OPLOG_REPEAT_SECONDS = 60, /* a read that fails again is not logged again so soon */
};

struct oplog_line {
    char *text; /* ends in a newline */
    time_t when;
};

struct oplog {
    struct oplog_line *lines; /* OPLOG_LINES of them once there is one */
    size_t n;
    unsigned edition;     /* counts from 0 */
    struct timespec last; /* when the latest was added */
};

/* Adds a line. Takes `line` over; NULL is ignored. With `ending` (may be NULL) the line is dropped
 * if a recent one has the same ending. */
void oplog_add(struct oplog *log, char *line, const char *ending);
void oplog_text(const struct oplog *log, struct text *out);
void oplog_clear(struct oplog *log);

#endif
