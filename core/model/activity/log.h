/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.h - the `log` of a domain: the operations on it by this mount, and why any failed. */
#ifndef SNAPFS_MODEL_ACTIVITY_LOG_H
#define SNAPFS_MODEL_ACTIVITY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "base/error.h"
#include "base/text.h"

struct model;

struct log_entry {
    uid_t uid;
    pid_t pid;
    const char *name; /* "mkdir", "revert", … */
    const char *path; /* below the mountpoint */
};

/* Adds a line to the domain's log, and gives the same line (without newline) to the caller in
 * `line`: time, uid, pid, operation, path, then "ok" and the remark, or the errno's name and the
 * message. */
void model_log_add(struct model *m, const char *uuid, const struct log_entry *op,
                   const struct err *failure, const char *remark, struct text *line);

/* Makes the text of the domain's `log`: its last operations (activity/lines.h). Empty if there were
 * none. */
int model_log(struct model *m, const char *uuid, char **ret, size_t *ret_len, struct err *e);
/* Returns how often the log has begun a new file. */
unsigned model_log_edition(struct model *m, const char *uuid);
/* Gives the time of the last operation; false if there was none. */
bool model_log_time(struct model *m, const char *uuid, struct timespec *ret);

#endif
