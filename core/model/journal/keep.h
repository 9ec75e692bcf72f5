/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keep.h - what a model keeps of its domains over mounts (journal/kept.h): a read-only model keeps
 * nothing, and what is kept goes with the domain. */
#ifndef SNAPFS_MODEL_JOURNAL_KEEP_H
#define SNAPFS_MODEL_JOURNAL_KEEP_H

#include "model/journal/kept.h"
#include "virt/virt.h"

struct model;

/* Changes what is kept of the domain. A failure costs no more than the loss of the file would, so
 * it is told in the program's log, once, and is no result. */
void keep(struct model *m, const char *uuid, kept_edit_fn *edit, void *ctx);

/* The same for what has to be kept: a failure of kept_change is the result. 0 for a read-only
 * model. */
int keep_surely(struct model *m, const char *uuid, kept_edit_fn *edit, void *ctx, struct err *e);

/* After libvirt has listed all domains, whatever the mount shows: removes what was kept, through
 * the same URI, of those that are not among them, and were not KEEP_GONE_MS ago. */
enum { KEEP_GONE_MS = 5000 };
void keep_prune(struct model *m, const struct virt_domain *all, size_t n);

struct keeper;
struct keeper *keeper_new(void);    /* NULL without memory */
void keeper_free(struct keeper *k); /* NULL allowed */

/* A change that sets one record; `ctx` is that. */
struct kept_record {
    const char *kind, *key, *value;
};
int kept_put_record(void *ctx, struct kept *k);

/* What is kept of the domain now, for the caller to unref; NULL for nothing. */
struct kept *keep_read(const struct model *m, const char *uuid);

#endif
