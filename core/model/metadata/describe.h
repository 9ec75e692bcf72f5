/* SPDX-License-Identifier: GPL-3.0-or-later */
/* describe.h - the verb that describes a snapshot (model/verbs.h). */
#ifndef SNAPFS_MODEL_METADATA_DESCRIBE_H
#define SNAPFS_MODEL_METADATA_DESCRIBE_H

#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct model;
struct snapshot;

/* Describes the snapshot, as a write to `description` does: the new text without its last
 * newline. */
int verb_describe(struct model *m, const char *uuid, uint64_t ident, const char *description,
                  struct text *remark, struct err *e);

/* Checks that libvirt would not forget <revertDisks> if the document of the snapshot were
 * rewritten; else EBUSY. */
int guard_describe(const struct snapshot *s, struct err *e);

#endif
