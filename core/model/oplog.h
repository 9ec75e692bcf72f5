/* oplog.h - the last OPLOG_LINES lines of a domain's `log`. The caller locks. */
#ifndef SNAPFS_MODEL_OPLOG_H
#define SNAPFS_MODEL_OPLOG_H

#include <stddef.h>
#include <time.h>

#include "base/text.h"

enum { OPLOG_LINES = 200 };

struct oplog {
    char *lines[OPLOG_LINES]; /* a ring; each ends in a newline */
    size_t next, n;
    struct timespec last; /* when the latest was added */
};

/* Takes `line` over; NULL is ignored. With `ending` (may be NULL) an earlier line that ends so, too,
 * gives way to it. */
void oplog_add(struct oplog *log, char *line, const char *ending);
void oplog_text(struct oplog *log, struct text *out);
void oplog_clear(struct oplog *log);

#endif
