/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checkpoints.h - the checkpoints of a domain, which incremental backups continue from. As in
 * virt.h. */
#ifndef SNAPFS_VIRT_CHECKPOINTS_H
#define SNAPFS_VIRT_CHECKPOINTS_H

#include "virt/virt.h"

/* Counts the checkpoints (virDomainListAllCheckpoints). The count is 0 if the driver has none. */
int virt_checkpoints(struct virt *v, const char *uuid, size_t *ret, struct err *e);

#endif
