/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mergeable.h - whether the overlay on a file may be merged into that file, when a snapshot is
 * deleted. The file then has the bytes of the overlay. The bytes of all other users stay as before.
 *
 * The answer comes from the file graph alone, so the names that libvirt keeps do not matter. The
 * overlay is the one file whose backing file is the other.
 */
#ifndef SNAPFS_MODEL_DELETE_MERGEABLE_H
#define SNAPFS_MODEL_DELETE_MERGEABLE_H

#include "model/graph/survey.h"

/* Files of the graph. */
struct merge {
    int base;  /* gets the bytes of `top` */
    int top;   /* the overlay on `base`, in the live chain */
    int above; /* the file on `top` in that chain; GRAPH_NO_FILE if `top` is the live disk */
    int found; /* a user of `base` or `top` that no domain has (strangers.h); -1: none. The merge
                  would take this user's bytes */
};

/* The snapshots that are deleted: their bytes do not count. */
struct merge_gone {
    const struct snapshot *one;   /* this one, or NULL */
    const struct snapshot *below; /* and all below this one; NULL for none */
};

/* Finds the overlay to merge into `base`. The merge has to be safe after the snapshots in `gone`
 * are deleted. Fails with EBUSY and the reason if bytes of another user would change or vanish.
 * Fails with ENOENT if the live disk does not use `base`. Pure. */
int merge_find(const struct survey *v, const struct domain *d, struct merge_gone gone,
               const char *target, int base, struct merge *ret, struct err *e);

/* If `m` has a `found`, fails with EBUSY. The message names that user and the remedy. */
int merge_check_found(const struct survey *v, const struct merge *m, struct err *e);

/* Checks that QEMU merges the files with no other effect; else fails with EBUSY. Reads headers,
 * writes nothing. */
int merge_check_files(const struct domain *d, const struct survey *v, const char *target,
                      const struct merge *merge, struct err *e);

#endif
