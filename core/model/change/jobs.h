/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jobs.h - does something run on the domain that a change would wait for, or fail at? */
#ifndef SNAPFS_MODEL_CHANGE_JOBS_H
#define SNAPFS_MODEL_CHANGE_JOBS_H

#include "model/catalog/domain.h"

struct model;

/* Is there no job that bars a new snapshot: a backup, or a job of a disk? libvirt would wait for
 * the backup for 30 seconds, meanwhile with the guest's file systems frozen. EBUSY, naming the job.
 * Another program's save, dump or snapshot ends by itself: libvirt waits for it. */
int jobs_check_create(struct model *m, const struct domain *d, struct err *e);

/* Waits until libvirt is through with a snapshot, or a revert to one, that it goes on with when who
 * asked for it is gone; `d` was read just now. EINTR when the thread's task is unwanted. */
int jobs_wait(struct model *m, const struct domain *d, struct err *e);

#endif
