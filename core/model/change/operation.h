/* SPDX-License-Identifier: GPL-3.0-or-later */
/* operation.h - one verb at work on a domain: its place in the queue, and the state that it reads.
 *
 *     autooperation struct operation t = {0};
 *     int r = operation_begin(&t, m, uuid, e);
 */
#ifndef SNAPFS_MODEL_CHANGE_OPERATION_H
#define SNAPFS_MODEL_CHANGE_OPERATION_H

#include "model/journal/journal.h"
#include "model/catalog/domain.h"
#include "model/activity/activity.h"

struct operation {
    struct model *m;
    struct entry *entry;
    struct work *work;
    struct queue_place place;
    struct domain_lock *lock; /* NULL: no other user shares the daemon */
    struct journal
        *journal;          /* NULL for the test driver's domains, which are this process's alone */
    struct domain *asked;  /* the domain as known at the request; NULL: not known */
    struct domain *domain; /* the domain as read after the operation began */
    struct unfinished *unfinished; /* as `lock` */
    bool recovers;                 /* the operation only recovers */
    struct domain *before;         /* `domain`, once a change may have begun; else NULL */
};

/* Waits for the earlier verbs, also those of other processes. If one of them was cut off, undoes or
 * finishes its work. Then reads the domain. On a read-only mount it fails with EROFS. If the domain
 * is gone, it fails with ENOENT. If the thread's task (activity/task.h) is unwanted before the
 * operation can begin, it fails with EINTR. */
int operation_begin(struct operation *t, struct model *m, const char *uuid, struct err *e);
/* Does the same for a change of one snapshot, and finds the snapshot. Finds it even if an earlier
 * verb has given it other files, and so another ident. If the snapshot is gone, it fails with
 * ESTALE. */
int operation_begin_on(struct operation *t, struct model *m, const char *uuid, uint64_t ident,
                       const struct snapshot **ret, struct err *e);
void operation_end(struct operation *t);

/* Runs an operation that only undoes or finishes the work of a verb that was cut off. */
int operation_recover(struct model *m, const char *uuid, struct err *e);

/* Reads the domain again, after a change by this operation. */
int operation_read_again(struct operation *t, struct err *e);

/* Notes, after operation_confirm, that the change may give snapshots other bytes. A snapshot that
 * is in another file afterwards then gets a new number (catalog/numbers.h). */
void operation_renumber(struct operation *t);

#define autooperation __attribute__((cleanup(operation_end)))

/* Checks, as the last step before the change, that the domain is still as the guard saw it; else
 * EBUSY. The check is needed because the guard takes time to read every domain, and libvirt knows
 * snapshots only by their names. If the thread's task is unwanted, it fails with EINTR. */
int operation_confirm(struct operation *t, struct err *e);

/* Notes that a change may begin from here on; operation_confirm does so itself. */
void operation_begins_change(struct operation *t);

/* Returns whether two readings of a domain have the same snapshots and disks. The domain must also
 * run in both readings, or in neither. */
bool operation_sees_same(const struct domain *a, const struct domain *b);

#endif
