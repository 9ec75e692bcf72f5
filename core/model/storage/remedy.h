/* SPDX-License-Identifier: GPL-3.0-or-later */
/* remedy.h - what an ordinary user can do about an image that is not theirs to read. */
#ifndef SNAPFS_MODEL_STORAGE_REMEDY_H
#define SNAPFS_MODEL_STORAGE_REMEDY_H

#include "virt/virt.h"

/* Returns `r`; if that is -EACCES, and libvirt's daemon may read what this user may not, the
 * sentence in `e` gets the remedy. */
int remedy_add(const struct virt *v, int r, struct err *e);

#endif
