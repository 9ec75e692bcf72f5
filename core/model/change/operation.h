/* SPDX-License-Identifier: GPL-3.0-or-later */
/* operation.h - one verb at work on a domain: its turn among the others, and what it looks at.
 *
 *     autooperation struct turn t = {0};
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
    struct domain *asked;  /* as it was known when the verb was asked for; NULL: not */
    struct domain *domain; /* as it was read after the turn came */
    struct unfinished *unfinished; /* as `lock` */
    bool recovers;                 /* it does nothing else */
    struct domain *before;         /* the same, once a change may have begun; else NULL */
};

/* Waits for the verbs before it, also of other processes, undoes or finishes what one of them left
 * behind when it was cut off, then reads the domain. EROFS on a read-only mount, ENOENT; EINTR
 * when the thread's task (activity/task.h) is unwanted before its turn comes. */
int operation_begin(struct operation *t, struct model *m, const char *uuid, struct err *e);
void operation_end(struct operation *t);

/* A turn that only undoes or finishes what is left there. */
int operation_recover(struct model *m, const char *uuid, struct err *e);

/* Reads the domain again, after a change of ours. */
int operation_read_again(struct operation *t, struct err *e);

/* The snapshot of that ident, also if a verb before it has given it other files. ESTALE. */
int operation_snapshot(const struct operation *t, uint64_t ident, const struct snapshot **ret,
                       struct err *e);

/* After operation_confirm: the change may give snapshots other bytes, so none keeps its number
 * (catalog/numbers.h) in another file. */
void operation_renumber(struct operation *t);

#define autooperation __attribute__((cleanup(operation_end)))

/* The last step before the change: is the domain still what the guard was asked about? The guard
 * reads every domain, which takes its time, and libvirt names snapshots by their names alone.
 * EBUSY; EINTR when the thread's task is unwanted by now. */
int operation_confirm(struct operation *t, struct err *e);

/* A change may begin from here on; operation_confirm says so itself. */
void operation_begins_change(struct operation *t);

/* Have both readings of a domain the same snapshots and disks, and the same state as to running? */
bool operation_sees_same(const struct domain *a, const struct domain *b);

#endif
