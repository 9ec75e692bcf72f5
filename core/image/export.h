/* SPDX-License-Identifier: GPL-3.0-or-later */
/* export.h - one file in a format that snapfs does not read itself. qemu-nbd serves it to libnbd.
 *
 * An export begins without a process. A process is started when bytes are needed. The process is
 * ended if it is unused for a while, or if another export needs its place; then it may be started
 * again. At most EXPORT_SERVERS exports have a process at once. Any number of threads may use one
 * export.
 *
 * QEMU opens only the descriptor of the file that snapfs has open, with its format named and
 * without a backing file. Or QEMU opens the URI of a disk on another host, as raw. A name in the
 * file leads nowhere, because the process can open no other file (confine.h). snapfs checks for
 * changes of the file as for any other file.
 */
#ifndef SNAPFS_IMAGE_EXPORT_H
#define SNAPFS_IMAGE_EXPORT_H

#include "image/cluster.h"
#include "image/export_limits.h"
#include "image/file.h"

struct export;

/* The source of an export. All of it must outlive the export. */
struct export_source {
    const struct image_file *file;
    const char *driver;          /* QEMU's name of the format */
    const char *options;         /* more of QEMU's JSON, each followed by a comma; NULL: none */
    const struct secret *secret; /* the secret that `options` name as EXPORT_SECRET; may be empty */
    uint64_t size;               /* of the disk, by the header */
    bool names_files;            /* it may name other files, which QEMU must not open */
};

/* Makes an export, but starts nothing. Fails with EOPNOTSUPP if snapfs was built without libnbd, if
 * there is no qemu-nbd, or if nothing would keep QEMU from other files. */
int export_new(const struct export_source *source, struct export **ret, struct err *e);
void export_free(struct export *x); /* NULL allowed */

/* Starts a process if there is none, and so knows the size (ret_size may be NULL). The errors of
 * all three functions are:
 * - EIO: QEMU cannot read the file, or lost two processes over it;
 * - ETIMEDOUT: no answer, now or a few seconds ago;
 * - EBUSY: all processes are in use;
 * - EOPNOTSUPP: qemu-nbd no longer exists. */
int export_start(struct export *x, uint64_t *ret_size, struct err *e);
int export_read(struct export *x, void *buf, size_t len, uint64_t offset, struct err *e);

/* Returns the run at `offset`, at most `limit` bytes. QEMU opens the file without its backing file,
 * so bytes that the file does not have are unallocated. */
int export_run(struct export *x, uint64_t offset, uint64_t limit, struct run *ret, struct err *e);

#endif
