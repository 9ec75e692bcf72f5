/* SPDX-License-Identifier: GPL-3.0-or-later */
/* document.h - one snapshot's XML, parsed: the part of a snapshot that does not depend on the tree
 * around it. Refcounted, immutable; a refresh that finds the same XML keeps the same document. */
#ifndef SNAPFS_MODEL_CATALOG_DOCUMENT_H
#define SNAPFS_MODEL_CATALOG_DOCUMENT_H

#include <stddef.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "virt/xml.h"

struct snapshot_doc {
    unsigned refs; /* atomic */
    char *name, *coded, *xml;
    size_t xml_len;
    struct xml_snapshot *parsed;
    uint64_t counted;     /* in the budget */
    struct timespec seen; /* when this XML was first read */
};

/* Makes a document; `name` is as libvirt lists it. EINVAL if `xml` is not a snapshot's. Takes `xml`
 * over on success. */
int document_new(const char *name, char **xml, struct snapshot_doc **ret, struct err *e);
struct snapshot_doc *document_ref(struct snapshot_doc *d);
void document_unref(struct snapshot_doc *d); /* NULL allowed */
MEM_CLEANUP(struct snapshot_doc, document_unref)

#endif
