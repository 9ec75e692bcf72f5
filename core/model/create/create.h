/* SPDX-License-Identifier: GPL-3.0-or-later */
/* create.h - the verbs that make a snapshot (model/verbs.h). */
#ifndef SNAPFS_MODEL_CREATE_CREATE_H
#define SNAPFS_MODEL_CREATE_CREATE_H

#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct model;

/* Makes a snapshot `coded`, as mkdir does, in the directory of snapshot `parent_ident` (0 =
 * `snapshots/`). On success gives the new snapshot's ident, and a remark for the log in `remark`
 * (may stay empty). */
int verb_create(struct model *m, const char *uuid, uint64_t parent_ident, const char *coded,
                uint64_t *ret_ident, struct text *remark, struct err *e);

/* Runs a command written to `create` (create/input.h): "NAME WORDS" (create/words.h), the name
 * coded as for mkdir, or a <domainsnapshot> document. The new snapshot becomes a child of the
 * current one. */
int verb_create_written(struct model *m, const char *uuid, const char *text, struct text *remark,
                        struct err *e);

/* Lists the words of `create`, with blanks between them. */
void verb_create_words(struct text *out);

#endif
