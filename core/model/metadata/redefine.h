/* SPDX-License-Identifier: GPL-3.0-or-later */
/* redefine.h - puts back the metadata that a copy of snapshot.xml holds. */
#ifndef SNAPFS_MODEL_METADATA_REDEFINE_H
#define SNAPFS_MODEL_METADATA_REDEFINE_H

#include "base/error.h"
#include "base/text.h"

struct model;

/* `words` may be empty or "current"; `xml` is the document, which has to last. EINVAL: other words,
 * a document without name or domain, or of another domain. ENOENT: a file or tag that it names is
 * not there. EBUSY: it would take a snapshot that is listed away from its bytes, has another's tag,
 * or would forget <revertDisks>. What is current stays so, and passwords that the document lacks
 * are kept. */
int redefine(struct model *m, const char *uuid, const char *words, const char *xml,
             struct text *remark, struct err *e);

#endif
