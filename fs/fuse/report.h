/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report.h - answers that are logged. */
#ifndef SNAPFS_FUSE_REPORT_H
#define SNAPFS_FUSE_REPORT_H

#include <sys/types.h>

#include "base/error.h"
#include "fuse/fs.h"

struct op {
    const char *name; /* "mkdir" */
    uid_t uid;
    pid_t pid;
    struct place place; /* what it was asked of, and */
    const char *leaf;   /* the name in it, or NULL */
    const char *path;   /* NULL: the one that it has when it is told of */
};

/* The path of what it is done to, as it is now; readable. Empty without memory. */
void op_path(struct fs *fs, const struct op *op, struct text *ret);

struct op op_of(fuse_req_t req, const char *name, const struct place *p, const char *leaf);

/* The outcome in the domain's log and the program's. `failure` NULL: it succeeded. */
void report(struct fs *fs, const struct op *op, const struct err *failure, const char *remark);

/* report, and the reply. */
void reply_failure(fuse_req_t req, const struct op *op, const struct err *failure);

/* The reply alone, for failures that are everyday (no such name). */
void reply_quietly(fuse_req_t req, const char *name, const struct err *failure);

#endif
