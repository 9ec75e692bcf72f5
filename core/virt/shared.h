/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shared.h - what all who use one libvirt daemon share on its host: who runs it, who may use it,
 * and directories that it makes for them. */
#ifndef SNAPFS_VIRT_SHARED_H
#define SNAPFS_VIRT_SHARED_H

#include <sys/types.h>

#include "virt/owner.h"
#include "virt/virt.h"

/* As it was when the connection was first made. */
struct virt_owner virt_owner(const struct virt *v);

/* Does the daemon run as another user than this process, which is not root? It may then open, make
 * and own files that this process may not. */
bool virt_is_anothers(const struct virt *v);

/* Has libvirt make an empty directory of mode 0770 for that owner and group: it builds a storage
 * pool there, which is forgotten at once. Directories above are made as well. For users who may use
 * libvirt but may not make the directory. */
int virt_make_directory(struct virt *v, const char *path, uid_t uid, gid_t gid, struct err *e);

#endif
