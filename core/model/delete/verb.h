/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verb.h - the verbs that delete snapshots (model/verbs.h). */
#ifndef SNAPFS_MODEL_DELETE_VERB_H
#define SNAPFS_MODEL_DELETE_VERB_H

#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct model;

/* rmdir. ENOTEMPTY when it has children. */
int verb_delete(struct model *m, const char *uuid, uint64_t ident, struct text *remark,
                struct err *e);

/* A write to `delete`: "children" (with all below, the deepest first), "children-only" or "merge"
 * (alone; its children become its parent's); with "metadata" libvirt only forgets them; with any of
 * them or alone "force": also where an image that no domain has uses their files. */
int verb_delete_written(struct model *m, const char *uuid, uint64_t ident, const char *text,
                        struct text *remark, struct err *e);

#endif
