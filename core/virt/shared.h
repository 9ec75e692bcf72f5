/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shared.h - things that all users of one libvirt daemon share on its host: the daemon's owner, its
 * group, and directories that the daemon makes for them. */
#ifndef SNAPFS_VIRT_SHARED_H
#define SNAPFS_VIRT_SHARED_H

#include <sys/types.h>

#include "virt/owner.h"
#include "virt/virt.h"

/* Returns the owner as it was when the connection was first made. */
struct virt_owner virt_owner(const struct virt *v);

/* Tells whether the daemon runs as another user than this process, and this process is not root.
 * The daemon may then open, make and own files that this process may not. */
bool virt_is_anothers(const struct virt *v);

/* Has libvirt make an empty directory of mode 0770 for that owner and group. libvirt builds a
 * storage pool there, and forgets the pool at once. It also makes missing directories above. It is
 * for users who may use libvirt but may not make the directory. */
int virt_make_directory(struct virt *v, const char *path, uid_t uid, gid_t gid, struct err *e);

#endif
