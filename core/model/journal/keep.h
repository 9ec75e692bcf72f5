/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keep.h - the records that a model keeps of its domains over mounts (journal/kept.h). A read-only
 * model keeps nothing, and the records go with the domain. */
#ifndef SNAPFS_MODEL_JOURNAL_KEEP_H
#define SNAPFS_MODEL_JOURNAL_KEEP_H

#include "model/journal/kept.h"
#include "virt/virt.h"

struct model;

/* Changes what is kept of the domain. A failure costs no more than the loss of the file would. So
 * it is logged once in the program's log, and is not returned. */
void keep(struct model *m, const char *uuid, kept_edit_fn *edit, void *ctx);

/* Does the same for a record that has to be kept: a failure of kept_change is the result. Returns 0
 * for a read-only model. */
int keep_surely(struct model *m, const char *uuid, kept_edit_fn *edit, void *ctx, struct err *e);

/* Removes the records of gone domains, if they were kept through the same URI. `all` must be all of
 * libvirt's domains, not only those that the mount shows. A domain is gone if it is not listed now,
 * and was not listed KEEP_GONE_MS ago. */
enum { KEEP_GONE_MS = 5000 };
void keep_prune(struct model *m, const struct virt_domain *all, size_t n);

struct keeper;
struct keeper *keeper_new(void);    /* NULL without memory */
void keeper_free(struct keeper *k); /* NULL allowed */

/* Changes one record; `ctx` is the record. */
struct kept_record {
    const char *kind, *key, *value;
};
int kept_put_record(void *ctx, struct kept *k);

/* Reads the domain's present records. The caller drops the reference. NULL if there are none. */
struct kept *keep_read(const struct model *m, const char *uuid);

#endif
