/* SPDX-License-Identifier: GPL-3.0-or-later */
/* commit.h - commits an overlay into its backing file in a running domain (libvirt's block commit).
 * As in virt.h. A commit that has begun continues in QEMU, even if its caller ends. */
#ifndef SNAPFS_VIRT_COMMIT_H
#define SNAPFS_VIRT_COMMIT_H

#include "virt/virt.h"

/* Begins to commit `top`, and the layers between, into `base` (virDomainBlockCommit). Both are
 * files in the chain of the disk `target`, as the domain's XML names them. With `active`, `top` is
 * the live disk itself, which must be pivoted at the end. No file is removed. */
int virt_commit_begin(struct virt *v, const char *uuid, const char *target, const char *base,
                      const char *top, bool active, struct err *e);

struct virt_block_job {
    bool there;         /* some job runs on the disk */
    bool commits;       /* the job commits an overlay */
    int run;            /* libvirt's id of the domain; each start gives it another one */
    uint64_t done, end; /* bytes, as QEMU counts; equal: complete, or not begun */
};

/* Reads the job on a disk (virDomainGetBlockJobInfo). */
int virt_block_job(struct virt *v, const char *uuid, const char *target, struct virt_block_job *ret,
                   struct err *e);

/* Ends the job on the disk (virDomainBlockJobAbort). With `pivot` the live disk is `base` from then
 * on; EBUSY if it is too early for that. Without `pivot` the chain stays as it is. */
int virt_commit_end(struct virt *v, const char *uuid, const char *target, bool pivot,
                    struct err *e);

#endif
