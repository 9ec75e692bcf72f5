/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unfinished.h - tells all users of one libvirt daemon whose journal has an operation on a domain
 * that was cut off: nobody else changes that domain until the owner's mount has finished it.
 *
 * A file /var/lib/libvirt/snapfs/UUID.UID, which outlives a reboot as the journal does, holds the
 * journal's path. It is there from before the journal's first line until after its last.
 */
#ifndef SNAPFS_MODEL_JOURNAL_UNFINISHED_H
#define SNAPFS_MODEL_JOURNAL_UNFINISHED_H

#include "base/mem.h"
#include "virt/virt.h"

struct unfinished;

/* For the holder of the domain's lock (domain_lock.h). *ret is NULL if no other user shares the
 * daemon. -EBUSY, naming the journal, if another user has one that is unfinished. */
int unfinished_open(struct virt *v, const char *uuid, struct unfinished **ret, struct err *e);
void unfinished_close(struct unfinished *u); /* NULL allowed */
MEM_CLEANUP(struct unfinished, unfinished_close)

/* This user's journal is unfinished; that is on the disk when it returns. */
int unfinished_tell(struct unfinished *u, const char *journal, struct err *e);

/* It is not any more. A power cut may leave the file behind; unfinished_each_stale finds it then.
 */
void unfinished_end(struct unfinished *u);

/* Calls `each` for every domain with a file of this user whose journal is gone. To open both again
 * (journal_share) removes the file. Calls it for none where the file system with the journals may
 * not be mounted. */
void unfinished_each_stale(struct virt *v, void (*each)(void *ctx, const char *uuid), void *ctx);

#endif
