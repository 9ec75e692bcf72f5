/* SPDX-License-Identifier: GPL-3.0-or-later */
/* job.h - reads the job that libvirt reports on a domain, even another program's, and aborts it. As
 * in virt.h.
 *
 * libvirt does not answer while it makes an internal snapshot. It also does not answer a call that
 * comes in the first moment of an external snapshot, until the snapshot is made. Then the call
 * waits for the end, or for VIRT_CALL_TIMEOUT.
 */
#ifndef SNAPFS_VIRT_JOB_H
#define SNAPFS_VIRT_JOB_H

#include "virt/virt.h"

struct virt_job {
    const char *operation; /* "snapshot", "commit", …; static storage, NULL: no job */
    bool timed;            /* libvirt reports `elapsed_ms` */
    uint64_t elapsed_ms;
    uint64_t done, total; /* bytes; total 0: libvirt does not report them */
};

/* Reads the job of the domain (virDomainGetJobStats). If there is none, reads those of its disks,
 * and adds their bytes (virDomainGetBlockJobInfo). */
int virt_job_look(struct virt *v, const char *uuid, struct virt_job *ret, struct err *e);

/* Aborts a create of a snapshot that began after `since` (CLOCK_MONOTONIC, ns). The create then
 * fails with EINTR (virDomainAbortJob). If no create is under way, or if it is too late to abort
 * it, the call fails with EBUSY. */
int virt_job_abort_snapshot(struct virt *v, const char *uuid, uint64_t since, struct err *e);

#endif
