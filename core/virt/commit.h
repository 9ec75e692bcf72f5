/* SPDX-License-Identifier: GPL-3.0-or-later */
/* commit.h - merging an overlay into its backing file in a domain that runs (libvirt's block
 * commit).
 *
 * As in virt.h; what began goes on in QEMU whatever becomes of who asked for it.
 */
#ifndef SNAPFS_VIRT_COMMIT_H
#define SNAPFS_VIRT_COMMIT_H

#include "virt/virt.h"

/* Begins to merge `top`, and what stands between, into `base`: two files of the chain of the disk
 * `target`, as the domain's XML names them. With `active` it is the live disk itself, which has to
 * be pivoted in the end. No file is removed. (virDomainBlockCommit) */
int virt_commit_begin(struct virt *v, const char *uuid, const char *target, const char *base,
                      const char *top, bool active, struct err *e);

struct virt_block_job {
    bool there;         /* some job is under way on the disk, and */
    bool commits;       /* it merges an overlay */
    uint64_t done, end; /* bytes, as QEMU counts them; equal: it is all there, or has not begun */
};

/* virDomainGetBlockJobInfo. */
int virt_block_job(struct virt *v, const char *uuid, const char *target, struct virt_block_job *ret,
                   struct err *e);

/* Ends the job on the disk (virDomainBlockJobAbort): with `pivot` the live disk is `base` from here
 * on, EBUSY when it is too early for that; without, the chain stays as it is. */
int virt_commit_end(struct virt *v, const char *uuid, const char *target, bool pivot,
                    struct err *e);

#endif
