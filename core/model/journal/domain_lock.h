/* SPDX-License-Identifier: GPL-3.0-or-later */
/* domain_lock.h - one operation on a domain at a time, of all users of its libvirt daemon.
 *
 * The lock is that of the file /run/snapfs/UUID.lock (run_directory.h), which is empty and stays. A
 * daemon that no other user shares has no such lock; there the journal's own lock is enough.
 */
#ifndef SNAPFS_MODEL_JOURNAL_DOMAIN_LOCK_H
#define SNAPFS_MODEL_JOURNAL_DOMAIN_LOCK_H

#include "base/mem.h"
#include "virt/virt.h"

struct domain_lock;

/* Locks the domain; *ret is NULL if the daemon is not shared. Fails as file_lock and run_directory
 * do. A caller that cannot lock must not change the domain. */
int domain_lock_take(struct virt *v, const char *uuid, bool wait, struct domain_lock **ret,
                     struct err *e);
void domain_lock_release(struct domain_lock *l); /* NULL allowed */
MEM_CLEANUP(struct domain_lock, domain_lock_release)

/* Returns whether a process on this host has that lock. */
bool domain_lock_is_held(struct virt *v, const char *uuid);
/* Returns whether a process on this host has the lock of any domain. */
bool domain_lock_any_is_held(struct virt *v);

#endif
