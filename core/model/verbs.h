/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verbs.h - what a user can do to a domain's snapshots.
 *
 * Every verb queues behind the others on the same domain (different domains run side by side),
 * reads the domain afresh, asks the guard (change/guard.h) whose bytes would change, and only then
 * makes the one libvirt call, or the steps of our own where libvirt's is not safe. 0 or -errno with
 * a sentence that says what to do about it where we know. A verb may take minutes: it never runs on
 * a thread that others wait for.
 */
#ifndef SNAPFS_MODEL_VERBS_H
#define SNAPFS_MODEL_VERBS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"

struct model;

enum { VERB_WORDS_MAX = 4096 };

/* mkdir: a snapshot `coded` in the directory of snapshot `parent_ident` (0 = `snapshots/`). On
 * success the new snapshot's ident, and a remark for the log in `remark` (may stay empty). */
int verb_create(struct model *m, const char *uuid, uint64_t parent_ident, const char *coded,
                uint64_t *ret_ident, struct text *remark, struct err *e);

/* A command written to `create` (create/input.h): "NAME WORDS" (create/words.h), the name coded as
 * for mkdir, or a <domainsnapshot> document. The new one becomes a child of the current one. */
int verb_create_written(struct model *m, const char *uuid, const char *text, struct text *remark,
                        struct err *e);

/* rmdir. ENOTEMPTY when it has children. */
int verb_delete(struct model *m, const char *uuid, uint64_t ident, struct text *remark,
                struct err *e);

/* A write to `delete`: "children" (with all below, the deepest first), "children-only" or "merge"
 * (alone; its children become its parent's); with "metadata" libvirt only forgets them; with any of
 * them or alone "force": also where an image that no domain has uses their files. */
int verb_delete_written(struct model *m, const char *uuid, uint64_t ident, const char *words,
                        struct text *remark, struct err *e);

/* A write to `revert`: words "running", "paused", "force", "reset-nvram" separated by blanks. */
int verb_revert(struct model *m, const char *uuid, uint64_t ident, const char *words,
                struct text *remark, struct err *e);

/* A write to `description`: the new text without its last newline. */
int verb_describe(struct model *m, const char *uuid, uint64_t ident, const char *description,
                  struct text *remark, struct err *e);

/* ---- the log of a domain ---- */

struct operation {
    uid_t uid;
    pid_t pid;
    const char *name; /* "mkdir", "revert", … */
    const char *path; /* below the mountpoint */
};

/* Adds a line to the domain's log and gives the same line (without newline) to the caller in
 * `line`: time, uid, pid, operation, path, then "ok" and the remark, or the errno's name and the
 * sentence. */
void model_log_add(struct model *m, const char *uuid, const struct operation *op,
                   const struct err *failure, const char *remark, struct text *line);

#endif
