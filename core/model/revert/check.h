/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.h - whether a domain may be reverted to a snapshot, and in which way. See
 * change/guard.h. */
#ifndef SNAPFS_MODEL_REVERT_CHECK_H
#define SNAPFS_MODEL_REVERT_CHECK_H

#include "model/change/reclaim.h"
#include "model/graph/survey.h"

enum guard_way {
    GUARD_NATIVE,   /* by libvirt's own call */
    GUARD_OVERLAYS, /* by the steps of revert/overlays.h, with checks of its own */
    GUARD_COPY      /* by the steps of revert/copy.h, with checks of its own */
};

/* The facts found before a revert. The plan of the procedure uses the same facts, so that one
 * operation looks at all domains only once before its change. */
struct revert_findings {
    enum guard_way way;
    struct survey survey; /* SURVEY_BESIDE; empty with the test driver */
    struct reclaim left;  /* the files that the revert may leave unused */
};

void revert_findings_drop(struct revert_findings *f);
#define autofindings __attribute__((cleanup(revert_findings_drop)))

/* Checks whether the domain may be reverted to `s`. `flags` are virt_revert_flag. The caller drops
 * *ret, also after a failure. If the domain could not start because a file is missing, it fails
 * with ENOENT. */
int guard_revert(struct model *m, struct domain *d, const struct snapshot *s, unsigned flags,
                 struct revert_findings *ret, struct err *e);

/* Finds out whether any other user uses the file that holds that disk's tag. If a revert could not
 * pick the tag, or if snapfs cannot determine the users of the file, it fails with EBUSY. */
int guard_shares(const struct survey *v, const struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, bool *ret, struct err *e);

#endif
