/* SPDX-License-Identifier: GPL-3.0-or-later */
/* remedy.h - the remedy for an image that an ordinary user may not read. */
#ifndef SNAPFS_MODEL_STORAGE_REMEDY_H
#define SNAPFS_MODEL_STORAGE_REMEDY_H

#include "virt/virt.h"

/* Returns `r`. If `r` is -EACCES, and libvirt's daemon may read what this user may not, adds the
 * remedy to the message in `e`. */
int remedy_add(const struct virt *v, int r, struct err *e);

#endif
