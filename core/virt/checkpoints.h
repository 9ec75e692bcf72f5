/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checkpoints.h - the checkpoints of a domain, from which incremental backups go on. As in virt.h.
 */
#ifndef SNAPFS_VIRT_CHECKPOINTS_H
#define SNAPFS_VIRT_CHECKPOINTS_H

#include "virt/virt.h"

/* Counts them (virDomainListAllCheckpoints); 0 with a driver that knows none. */
int virt_checkpoints(struct virt *v, const char *uuid, size_t *ret, struct err *e);

#endif
