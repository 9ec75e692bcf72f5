/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jobs.h - whether a job runs on the domain that a change would wait for, or fail at. */
#ifndef SNAPFS_MODEL_CHANGE_JOBS_H
#define SNAPFS_MODEL_CHANGE_JOBS_H

#include "model/catalog/domain.h"

struct model;

/* Checks that no job on the domain bars a new snapshot: a backup, or a job of a disk. Fails with
 * EBUSY and names the job. libvirt would wait 30 seconds for the backup, meanwhile with the guest's
 * file systems frozen. Another program's save, dump or snapshot ends by itself: libvirt waits for
 * it. */
int jobs_check_create(struct model *m, const struct domain *d, struct err *e);

/* Waits until libvirt has finished a snapshot, or a revert to one. libvirt goes on with it even if
 * its caller is gone. `d` was read just now. EINTR if the thread's task is unwanted. */
int jobs_wait(struct model *m, const struct domain *d, struct err *e);

#endif
