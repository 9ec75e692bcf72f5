/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mergeable.h - when a snapshot is deleted, may the overlay on a file be merged into that? Then the
 * file has the bytes of the overlay, and all others have theirs as before.
 *
 * Asked of the file graph alone, so that it holds whatever names libvirt keeps: the overlay is the
 * one file that stands on the other.
 */
#ifndef SNAPFS_MODEL_DELETE_MERGEABLE_H
#define SNAPFS_MODEL_DELETE_MERGEABLE_H

#include "model/graph/survey.h"

/* Files of the graph. */
struct merge {
    int base;  /* takes the bytes of */
    int top;   /* the overlay on it, which is in the live chain; on that stands */
    int above; /* this file of that chain, GRAPH_NO_FILE when it is the live disk itself */
    int found; /* a user of one of the two that no domain has (strangers.h), -1 for none: the merge
                  would take its bytes */
};

/* The snapshots that are deleted: their bytes do not count. */
struct merge_gone {
    const struct snapshot *one;   /* this, or NULL, */
    const struct snapshot *below; /* and all below this, NULL for none */
};

/* May it, once those snapshots are no more? EBUSY with the reason when it may not: somebody else's
 * bytes would change or vanish. ENOENT: the live disk does not stand on `base`. Pure. */
int merge_find(const struct survey *v, const struct domain *d, struct merge_gone gone,
               const char *target, int base, struct merge *ret, struct err *e);

/* EBUSY if `m` has a `found`, naming it and the remedy. */
int merge_check_found(const struct survey *v, const struct merge *m, struct err *e);

/* Are they files that QEMU merges with no other effect? EBUSY. Headers are read, nothing is
 * written.
 */
int merge_check_files(const struct domain *d, const struct survey *v, const char *target,
                      const struct merge *merge, struct err *e);

#endif
