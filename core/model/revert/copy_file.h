/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy_file.h - copies image files to which no program writes: whole and right, or not at all.
 *
 * A copy shares its blocks with the original if the file system can do that (FICLONE). Otherwise
 * the data is copied, and holes are left as holes. Owner, mode, the SELinux label and the ACL are
 * those of the original. File and directory are on the disk in the end. No libvirt, no graph.
 */
#ifndef SNAPFS_MODEL_REVERT_COPY_FILE_H
#define SNAPFS_MODEL_REVERT_COPY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct image_file;

struct copy_file {
    const char *from, *to;
    struct image_file *file; /* `from`; set only while the copying lasts */
    bool shared;             /* set: it shares the original's blocks, and nothing was copied */
};

/* Makes all the copies, and publishes its progress (activity/progress.h). If it fails, the caller
 * removes what was made, by its name. The errors:
 *
 *   - EOPNOTSUPP: an original is no regular file, or is in a snapfs mount;
 *   - EBUSY, ESTALE: a QEMU has it open for writing, or it was written to meanwhile;
 *   - ENOSPC, before anything is copied: there is not enough space for all;
 *   - EINTR: the task is not wanted any more (activity/task.h).
 */
int copy_files(struct copy_file *files, size_t n, struct err *e);

#endif
