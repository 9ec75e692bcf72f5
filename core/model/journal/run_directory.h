/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_directory.h - the directories that all users of one libvirt daemon share.
 *
 * /run/snapfs holds the locks of domains' operations, which last while the host is up. It belongs
 * to root and to the group that may use libvirt. No other user may enter it, so that no stranger
 * can hold a lock. Root's snapfs makes it; for an ordinary user libvirt does. If libvirt lets in a
 * user whom no such group lets in, that user owns the directory until root's snapfs takes it over.
 */
#ifndef SNAPFS_MODEL_JOURNAL_RUN_DIRECTORY_H
#define SNAPFS_MODEL_JOURNAL_RUN_DIRECTORY_H

#include "virt/virt.h"

/* Returns whether other users of this host share the daemon. They share neither a user's own
 * daemon, nor one in this process, nor one on another host. */
bool run_is_shared(const struct virt *v);

/* Opens /run/snapfs as root, or if root runs the daemon, else $XDG_RUNTIME_DIR/snapfs; the caller
 * closes it. With `make` a missing one is made. -ENOENT, -EACCES; EPERM if others may write to it.
 */
int run_directory(struct virt *v, bool make, struct err *e);

/* Opens a directory at `path` by the same rules as /run/snapfs. */
int run_shared_directory(struct virt *v, const char *path, bool make, struct err *e);

/* The directory of the files for other users (kept_shared.h). Members of the group may not remove
 * each other's files here, once root's snapfs has opened it. */
#define RUN_KEPT "/var/lib/libvirt/snapfs-kept"

/* Opens the regular file of that name in such a directory, to read and write. Makes a missing one,
 * of mode 0660 and of the directory's group. The caller closes it. EPERM if the file also has
 * another name. */
int run_file(int dir, const char *name, struct err *e);

#endif
