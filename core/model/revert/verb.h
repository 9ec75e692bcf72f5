/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verb.h - the verb that reverts a domain (model/verbs.h). */
#ifndef SNAPFS_MODEL_REVERT_VERB_H
#define SNAPFS_MODEL_REVERT_VERB_H

#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct model;

/* Reverts as a write to `revert` says: words "running", "paused", "force", "reset-nvram" separated
 * by blanks. */
int verb_revert(struct model *m, const char *uuid, uint64_t ident, const char *words,
                struct text *remark, struct err *e);

/* Lists the words of `revert`, with blanks between them. */
void verb_revert_words(struct text *out);

#endif
