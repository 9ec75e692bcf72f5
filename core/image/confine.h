/* SPDX-License-Identifier: GPL-3.0-or-later */
/* confine.h - what a qemu-nbd may touch, whatever the image says that it reads.
 *
 * A vmdk, qcow, qed or qcow2 names other files, and who owns it can exchange what was checked for
 * what names any file of the host. So the process is confined by Landlock before it becomes
 * qemu-nbd: it can read its program, the system's libraries, and
 *
 *   local:   the file it is given, as the very inode; and it can make no socket (by seccomp);
 *   network: what names other hosts, certificates, and Ceph's configuration; no image.
 *
 * It can write to no file. More of what it may do belongs here, in confine_enter.
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

/* Makes what confine_enter takes, for the program at that path and an image's descriptor (-1:
 * none). A kernel without Landlock is no error. Release with confine_drop. */
int confine_prepare(struct confinement *ret, enum confine_profile profile, const char *program,
                    int file, struct err *e);
void confine_drop(struct confinement *c);

/* Confines this process, for good; only calls that are safe after a fork. False with errno. */
bool confine_enter(const struct confinement *c);

/* -EOPNOTSUPP with what to do where confine_prepare would confine nothing. */
int confine_needed(const char *path, const char *format, struct err *e);

/* Has the process no file open but the one that was checked (as `file` has it open), those that it
 * has as descriptor `given`, and what are no files? -EIO: it has, or that cannot be told. */
int confine_check(pid_t pid, int file, int given, const char *path, struct err *e);

#endif
