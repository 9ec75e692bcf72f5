/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_directory.h - the directories that all users of one libvirt daemon share.
 *
 * /run/snapfs holds the locks of domains' operations. The locks last while the host is up. The
 * directory belongs to root and to the group that may use libvirt. No other user may enter it, so
 * that no stranger can hold a lock. Root's snapfs makes the directory itself; an ordinary user's
 * snapfs has libvirt make it. A user may have access to libvirt without being in such a group. Then
 * that user owns the directory until root's snapfs takes it over.
 */
#ifndef SNAPFS_MODEL_JOURNAL_RUN_DIRECTORY_H
#define SNAPFS_MODEL_JOURNAL_RUN_DIRECTORY_H

#include "virt/virt.h"

/* Returns whether other users of this host share the daemon. They do not share a user's own daemon,
 * a daemon in this process, or a daemon on another host. */
bool run_is_shared(const struct virt *v);

/* Opens a directory; the caller closes it. If snapfs runs as root, or if root runs the daemon, it
 * opens /run/snapfs; else $XDG_RUNTIME_DIR/snapfs. With `make`, makes a missing directory. Fails
 * with ENOENT or EACCES. If others may write to the directory, it fails with EPERM. */
int run_directory(struct virt *v, bool make, struct err *e);

/* Opens a directory at `path` by the same rules as /run/snapfs. */
int run_shared_directory(struct virt *v, const char *path, bool make, struct err *e);

/* The directory of the files for other users (kept_shared.h). Once root's snapfs has opened it,
 * members of the group may not remove each other's files here. */
#define RUN_KEPT "/var/lib/libvirt/snapfs-kept"

/* Opens the regular file of that name in such a directory, to read and write. If the file is
 * missing, makes it with mode 0660 and the directory's group. The caller closes it. If the file
 * also has another name, it fails with EPERM. */
int run_file(int dir, const char *name, struct err *e);

#endif
