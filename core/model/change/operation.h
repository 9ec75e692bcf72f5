/* SPDX-License-Identifier: GPL-3.0-or-later */
/* operation.h - one verb at work on a domain: its place among the others, and what it looks at.
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
    struct domain *asked;  /* as it was known when the verb was asked for; NULL: not known */
    struct domain *domain; /* as it was read once the operation began */
    struct unfinished *unfinished; /* as `lock` */
    bool recovers;                 /* the operation only recovers */
    struct domain *before;         /* `domain`, once a change may have begun; else NULL */
};

/* Waits for the verbs before it, also those of other processes. Undoes or finishes what one of them
 * left behind when it was cut off, then reads the domain. EROFS on a read-only mount; ENOENT; EINTR
 * if the thread's task (activity/task.h) is unwanted before the operation can begin. */
int operation_begin(struct operation *t, struct model *m, const char *uuid, struct err *e);
/* Does the same for a change of one snapshot, and finds the snapshot. Finds it also if a verb before
 * this one has given it other files, and so another ident. ESTALE if it is gone. */
int operation_begin_on(struct operation *t, struct model *m, const char *uuid, uint64_t ident,
                       const struct snapshot **ret, struct err *e);
void operation_end(struct operation *t);

/* Runs an operation that only undoes or finishes what is left there. */
int operation_recover(struct model *m, const char *uuid, struct err *e);

/* Reads the domain again, after a change by this operation. */
int operation_read_again(struct operation *t, struct err *e);

/* Notes, after operation_confirm, that the change may give snapshots other bytes. Then none keeps
 * its number (catalog/numbers.h) in another file. */
void operation_renumber(struct operation *t);

#define autooperation __attribute__((cleanup(operation_end)))

/* Checks, as the last step before the change, that the domain is still what the guard was asked
 * about. The guard reads every domain, which takes time, and libvirt names snapshots by their names
 * alone. EBUSY; EINTR if the thread's task is unwanted by now. */
int operation_confirm(struct operation *t, struct err *e);

/* Notes that a change may begin from here on; operation_confirm does so itself. */
void operation_begins_change(struct operation *t);

/* Returns whether both readings of a domain have the same snapshots and disks, and both run or both
 * do not. */
bool operation_sees_same(const struct domain *a, const struct domain *b);

#endif
