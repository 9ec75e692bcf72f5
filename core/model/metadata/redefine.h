/* SPDX-License-Identifier: GPL-3.0-or-later */
/* redefine.h - puts back the metadata from a copy of snapshot.xml. */
#ifndef SNAPFS_MODEL_METADATA_REDEFINE_H
#define SNAPFS_MODEL_METADATA_REDEFINE_H

#include "base/error.h"
#include "base/text.h"

struct model;

/* Checks the words, as redefine does first. */
int redefine_check_words(const char *words, struct err *e);

/* Puts the metadata back. `words` may be empty or "current"; `xml` is the document, which has to
 * last. The current snapshot stays current, and passwords that the document lacks are kept. The
 * errors:
 *
 *   - EINVAL: other words, or a document without name or domain, or of another domain;
 *   - ENOENT: a file or tag that it names is not there;
 *   - EBUSY: it would take a listed snapshot away from its bytes, has another's tag, or would
 *     forget <revertDisks>.
 */
int redefine(struct model *m, const char *uuid, const char *words, const char *xml,
             struct text *remark, struct err *e);

#endif
