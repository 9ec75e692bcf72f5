/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report.c - the one place that reports an operation's outcome: by a reply, a line of the program's
 * log, and a line of the domain's `log`. No locks. */
#include <errno.h>

#include "base/printable.h"
#include "fuse/log.h"
#include "fuse/report.h"
#include "model/verbs.h"

struct op op_of(fuse_req_t req, const char *name, const struct place *p, const char *leaf)
{
    const struct fuse_ctx *ctx = fuse_req_ctx(req);
    return (struct op){.name = name, .uid = ctx->uid, .pid = ctx->pid, .place = *p, .leaf = leaf};
}

void op_path(struct fs *fs, const struct op *op, struct text *ret)
{
    tree_path(&fs->tree, &op->place, op->leaf, ret);
    if (ret->s)
        printable(ret->s);
}

void report(struct fs *fs, const struct op *op, const struct err *failure, const char *remark)
{
    autotext struct text path = {0}, line = {0};
    if (op->path)
        text_add(&path, "%s", op->path);
    else
        op_path(fs, op, &path);
    struct log_entry operation = {
        .uid = op->uid,
        .pid = op->pid,
        .name = op->name,
        .path = path.s && path.len ? path.s : ".",
    };
    const char *uuid = op->place.kind == PLACE_ROOT ? NULL : op->place.uuid;
    model_log_add(fs->tree.model, uuid, &operation, failure, remark, &line);
    if (line.s && !line.failed)
        log_line(failure ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "%s", line.s);
}

void reply_failure(fuse_req_t req, const struct op *op, const struct err *failure)
{
    report(fs_of(req), op, failure, NULL);
    fuse_reply_err(req, failure->no);
}

void reply_quietly(fuse_req_t req, const char *name, const struct err *failure)
{
    if (failure->no != ENOENT)
        log_line(LOG_LEVEL_DEBUG, "%s: %s: %s", name, err_name(failure->no), failure->text);
    fuse_reply_err(req, failure->no);
}
