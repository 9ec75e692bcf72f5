/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy_file.h - copies image files that nobody writes to: whole and right, or not at all.
 *
 * A copy shares its blocks with the original where the file system can do that (FICLONE); else the
 * data is copied and holes are left as holes. Owner, mode, the SELinux label and the ACL are those
 * of the original, and file and directory are on the disk in the end. No libvirt, no graph.
 */
#ifndef SNAPFS_MODEL_REVERT_COPY_FILE_H
#define SNAPFS_MODEL_REVERT_COPY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct image_file;

struct copy_file {
    const char *from, *to;
    struct image_file *file; /* `from`; set here, for as long as the copying lasts */
    bool shared;             /* set: it has the original's blocks, and nothing was copied */
};

/* Makes all the copies. EOPNOTSUPP: an original is no regular file, or in a snapfs mount; EBUSY,
 * ESTALE: a QEMU has it open for writing, or it was written to meanwhile; ENOSPC, before anything
 * is copied, where there is not enough space for all; EINTR: the task is not wanted any more
 * (activity/task.h). How far it is is published (activity/progress.h). On failure what was made is
 * left to the caller to remove, by its name. */
int copy_files(struct copy_file *files, size_t n, struct err *e);

#endif
