/* SPDX-License-Identifier: GPL-3.0-or-later */
/* confine.h - limits the files that a qemu-nbd may touch, even if its image names others.
 *
 * A vmdk, qcow, qed or qcow2 can name other files. After the check its owner can replace the image
 * by one that names any file of the host. So Landlock confines the process before it becomes
 * qemu-nbd. The process can read its program and the system's libraries. The rest depends on the
 * profile:
 * - local: the process can read the given file, as that very inode. It can make no socket (by
 *   seccomp).
 * - network: the process can read the files that name other hosts, certificates, and Ceph's
 *   configuration. It can read no image.
 *
 * The process can write to no file. Further rules belong in confine_enter.
 */
#ifndef SNAPFS_IMAGE_CONFINE_H
#define SNAPFS_IMAGE_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

enum confine_profile { CONFINE_LOCAL, CONFINE_NETWORK };

struct confinement {
    int ruleset; /* -1: the kernel has no Landlock, and nothing is confined */
    enum confine_profile profile;
};

/* Prepares a confinement for confine_enter, for the program at that path and an image's descriptor
 * (-1: none). It does not fail if the kernel has no Landlock. Release with confine_drop. */
int confine_prepare(struct confinement *ret, enum confine_profile profile, const char *program,
                    int file, struct err *e);
void confine_drop(struct confinement *c);

/* Confines this process, for good. It makes only calls that are safe after a fork. Returns false
 * with errno. */
bool confine_enter(const struct confinement *c);

/* Fails with EOPNOTSUPP, and says what to do, if confine_prepare would confine nothing. */
int confine_needed(const char *path, const char *format, struct err *e);

/* Checks that the process has no other file open than the checked one, which `file` has open too.
 * Its descriptor `given` and descriptors that are not files do not count. Fails with EIO if it has
 * another file open, or if its files cannot be listed. */
int confine_check(pid_t pid, int file, int given, const char *path, struct err *e);

#endif
