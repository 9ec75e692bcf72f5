/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy_plan.h - inside core/model: the plan for all steps of a revert on copies (revert/copy.h),
 * and its words in the journal (journal/procedure.h):
 *
 *     copy 2                       version 1 had no `before`
 *     uri URI, snapshot NAME
 *     current NAME, before XML     one line a value
 *     state ACTIVE SNAPSHOTS CONFIG
 *     disk TARGET FROM TO ENTRY    one a disk
 *     left PATH …                  one a file (change/reclaim.h)
 */
#ifndef SNAPFS_MODEL_REVERT_COPY_PLAN_H
#define SNAPFS_MODEL_REVERT_COPY_PLAN_H

#include "model/change/reclaim.h"
#include "model/journal/procedure.h"
#include "model/catalog/domain.h"
#include "model/revert/check.h"
#include "model/revert/failed.h"
#include "virt/virt.h"

enum copy_step {
    COPY_MAKE,
    COPY_MOVE,
    COPY_REVERT,
    COPY_REMOVE,
    COPY_STEPS,
    COPY_UNDO = COPY_STEPS
};

/* A disk whose file is copied. */
struct copy_disk {
    char *target;
    char *from, *to; /* the file with the tag, and its copy */
    uint64_t entry;  /* of the tag (image_id) */
};

struct copying {
    struct procedure p;
    char *current;              /* the current snapshot before; "" for none */
    char *before;               /* the domain's configuration, with secrets; NULL in a journal of an
                                   older version */
    bool active;                /* the domain ran before */
    uint64_t snapshots, config; /* fingerprints from before: change/fingerprint.h */
    struct reclaim left;        /* files that the live disks were on */
    struct copy_disk *disks;
    size_t n;

    /* ---- not in the journal ---- */
    unsigned flags;           /* of the revert */
    enum failed_end end;      /* the state of the domain, if libvirt answered with a failure */
    const struct snapshot *s; /* the snapshot, as read before this step; NULL: it is gone */
    struct virt_status status;
};

/* Adds a disk; NULL without memory. */
struct copy_disk *copying_add(struct copying *c, const char *target, const char *from,
                              const char *to);

/* Plans the revert, and checks that it can be done; see copy_revert for the errors. The caller has
 * filled in the members that all procedures have. Takes over found->left. */
int copy_plan(struct copying *c, struct domain *d, const struct snapshot *s,
              struct revert_findings *found, struct err *e);

/* Checks that the copy's table of snapshots has that entry. Then marks the other tags in it as left
 * over (storage/file_marks.h). */
int copy_check_made(struct model *m, const char *uuid, const struct copy_disk *disk, struct err *e);

/* ---- in the journal ---- */

enum { COPY_ROWS = 13 };
extern const struct field copy_rows[COPY_ROWS];

#endif
