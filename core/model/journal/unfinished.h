/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unfinished.h - tells all users of one libvirt daemon which user's journal has an operation on a
 * domain that was cut off. No other user changes that domain until the owner's mount has finished
 * the operation.
 *
 * A file /var/lib/libvirt/snapfs/UUID.UID holds the journal's path. Like the journal, it outlives a
 * reboot. It is there from before the journal's first line until after its last.
 */
#ifndef SNAPFS_MODEL_JOURNAL_UNFINISHED_H
#define SNAPFS_MODEL_JOURNAL_UNFINISHED_H

#include "base/mem.h"
#include "virt/virt.h"

struct unfinished;

/* Opens the record, for the holder of the domain's lock (domain_lock.h). *ret is NULL if no other
 * user shares the daemon. -EBUSY if another user has an unfinished journal; the message names
 * it. */
int unfinished_open(struct virt *v, const char *uuid, struct unfinished **ret, struct err *e);
void unfinished_close(struct unfinished *u); /* NULL allowed */
MEM_CLEANUP(struct unfinished, unfinished_close)

/* Tells that this user's journal is unfinished; that is on the disk when the call returns. */
int unfinished_tell(struct unfinished *u, const char *journal, struct err *e);

/* Tells that the journal is not unfinished any more. A power cut may leave the file behind; then
 * unfinished_each_stale finds it. */
void unfinished_end(struct unfinished *u);

/* Calls `each` for every domain with a file of this user whose journal is gone. If both are opened
 * again (journal_share), the file is removed. Calls it for none if the file system with the
 * journals may not be mounted. */
void unfinished_each_stale(struct virt *v, void (*each)(void *ctx, const char *uuid), void *ctx);

#endif
