/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.h - may a domain be reverted to a snapshot, and in which way? See change/guard.h. */
#ifndef SNAPFS_MODEL_REVERT_CHECK_H
#define SNAPFS_MODEL_REVERT_CHECK_H

#include "model/change/reclaim.h"
#include "model/graph/survey.h"

enum guard_way {
    GUARD_NATIVE,   /* by libvirt's own call */
    GUARD_OVERLAYS, /* by the steps of revert/overlays.h, and */
    GUARD_COPY      /* by those of revert/copy.h; both have checks of their own */
};

/* `flags` are virt_revert_flag; `left` gets the files that a native one may leave to nobody. ENOENT
 * where the domain could not start for want of a file. */
int guard_revert(struct model *m, struct domain *d, const struct snapshot *s, unsigned flags,
                 enum guard_way *ret_way, struct reclaim *left, struct err *e);
/* Does anything else stand on the file that holds that disk's tag? EBUSY where a revert could not
 * pick the tag, or what stands on the file cannot be told. */
int guard_shares(const struct survey *v, const struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, bool *ret, struct err *e);

#endif
