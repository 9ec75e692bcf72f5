/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verb.h - the verbs that delete snapshots (model/verbs.h). */
#ifndef SNAPFS_MODEL_DELETE_VERB_H
#define SNAPFS_MODEL_DELETE_VERB_H

#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct model;

/* Deletes a snapshot, as rmdir does. If the snapshot has children, it fails with ENOTEMPTY. */
int verb_delete(struct model *m, const char *uuid, uint64_t ident, struct text *remark,
                struct err *e);

/* Deletes as a write to `delete` says:
 *
 *   - "children": the snapshot and all snapshots below it, the deepest first;
 *   - "children-only": only the snapshots below it;
 *   - "merge": the snapshot alone; its children become children of its parent;
 *   - "metadata", alone or with one of these words: libvirt only forgets the snapshots;
 *   - "force", alone or with any of these words: also if an image that no domain has uses their
 *     files.
 */
int verb_delete_written(struct model *m, const char *uuid, uint64_t ident, const char *text,
                        struct text *remark, struct err *e);

/* Lists the words of `delete`, with blanks between them. */
void verb_delete_words(struct text *out);

#endif
