/* SPDX-License-Identifier: GPL-3.0-or-later */
/* export.h - one file in a format that is not read here, as qemu-nbd shows it to libnbd.
 *
 * An export begins without a process. One is started when bytes are asked for, ended when it was
 * not used for a while or another export needs its place, and started again; of all exports at most
 * EXPORT_SERVERS have one. Any number of threads may use one export.
 *
 * QEMU opens only the file that we have open, by that descriptor, with its format named and no
 * backing file; or the URI of a disk on another host, as raw. No name in it leads anywhere, since
 * the process can open nothing else (confine.h). Whether the file is still what it was is checked
 * as for any other.
 */
#ifndef SNAPFS_IMAGE_EXPORT_H
#define SNAPFS_IMAGE_EXPORT_H

#include "image/cluster.h"
#include "image/file.h"

#ifndef EXPORT_WAIT_MS
#define EXPORT_WAIT_MS 30000 /* for one answer of a process, and for one of those processes */
#endif

enum { EXPORT_SERVERS = 8 /* processes at once */ };

struct export;

/* What it shows. All must outlive it. */
struct export_source {
    const struct image_file *file;
    const char *driver;          /* QEMU's name of the format */
    const char *options;         /* more of QEMU's JSON, each followed by a comma; NULL: none */
    const struct secret *secret; /* which those name as EXPORT_SECRET; may be empty */
    uint64_t size;               /* of the disk, by the header */
    bool names_files;            /* it may name others, from which QEMU has to be kept */
};

#define EXPORT_SIZE_UNKNOWN UINT64_MAX

#define EXPORT_SECRET "secret"

/* Starts nothing. -EOPNOTSUPP: built without libnbd, or there is no qemu-nbd, or
 * nothing that would keep it from other files. */
int export_new(const struct export_source *source, struct export **ret, struct err *e);
void export_free(struct export *x); /* NULL allowed */

/* Has a process now, and so a size (ret_size may be NULL). The errors of all three: -EIO: QEMU
 * cannot read it, or lost two processes over it; -ETIMEDOUT: no answer, now or a few seconds ago;
 * -EBUSY: all processes are in use; -EOPNOTSUPP: there is no qemu-nbd any more. */
int export_start(struct export *x, uint64_t *ret_size, struct err *e);
int export_read(struct export *x, void *buf, size_t len, uint64_t offset, struct err *e);

/* The run at `offset`, at most `limit` bytes; what it has without a backing file is unallocated. */
int export_run(struct export *x, uint64_t offset, uint64_t limit, struct run *ret, struct err *e);

#endif
