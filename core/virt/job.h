/* SPDX-License-Identifier: GPL-3.0-or-later */
/* job.h - what libvirt says that runs on a domain, whoever began it, and aborting it.
 *
 * As in virt.h. libvirt answers neither while it makes an internal snapshot, nor, for as long as it
 * takes, when asked in the first moment of making an external one: then the call waits for its end,
 * or for VIRT_CALL_TIMEOUT.
 */
#ifndef SNAPFS_VIRT_JOB_H
#define SNAPFS_VIRT_JOB_H

#include "virt/virt.h"

struct virt_job {
    const char *operation; /* "snapshot", "commit", …; static storage, NULL: nothing runs */
    bool timed;            /* libvirt says for how long, */
    uint64_t elapsed_ms;
    uint64_t done, total; /* and how far it is, in bytes; total 0: it does not */
};

/* The job of the domain (virDomainGetJobStats), else those of its disks, their bytes added
 * (virDomainGetBlockJobInfo). */
int virt_job_look(struct virt *v, const char *uuid, struct virt_job *ret, struct err *e);

/* Aborts the making of a snapshot that has begun since then (CLOCK_MONOTONIC, ns), so that it fails
 * with EINTR (virDomainAbortJob). EBUSY when there is none, or it is past being aborted. */
int virt_job_abort_snapshot(struct virt *v, const char *uuid, uint64_t since, struct err *e);

#endif
