/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report.h - replies that are logged. */
#ifndef SNAPFS_FUSE_REPORT_H
#define SNAPFS_FUSE_REPORT_H

#include <sys/types.h>

#include "base/error.h"
#include "fuse/fs.h"

struct op {
    const char *name; /* "mkdir" */
    uid_t uid;
    pid_t pid;
    struct place place; /* the object of the operation */
    const char *leaf;   /* a name in `place`, or NULL */
    const char *path;   /* NULL: its path at the time of the report */
};

/* Adds the present path of the operation's object, printable. Empty if there is no memory. */
void op_path(struct fs *fs, const struct op *op, struct text *ret);

struct op op_of(fuse_req_t req, const char *name, const struct place *p, const char *leaf);

/* Writes the outcome to the domain's log and the program's. `failure` is NULL if it succeeded. */
void report(struct fs *fs, const struct op *op, const struct err *failure, const char *remark);

/* Reports, and replies. */
void reply_failure(fuse_req_t req, const struct op *op, const struct err *failure);

/* Only replies, for everyday failures (no such name). */
void reply_quietly(fuse_req_t req, const char *name, const struct err *failure);

#endif
