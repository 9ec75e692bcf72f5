/* SPDX-License-Identifier: GPL-3.0-or-later */
/* operation.h - one verb at work on a domain: its turn among the others, and what it looks at.
 *
 *     autoturn struct turn t = {0};
 *     int r = turn_begin(&t, m, uuid, e);
 */
#ifndef SNAPFS_MODEL_CHANGE_OPERATION_H
#define SNAPFS_MODEL_CHANGE_OPERATION_H

#include "model/journal/journal.h"
#include "model/model.h"
#include "model/activity/queue.h"

struct turn {
    struct model *m;
    struct entry *entry;
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
int turn_begin(struct turn *t, struct model *m, const char *uuid, struct err *e);
void turn_end(struct turn *t);

/* A turn that only undoes or finishes what is left there. */
int turn_recover(struct model *m, const char *uuid, struct err *e);

/* Reads the domain again, after a change of ours. */
int turn_again(struct turn *t, struct err *e);

/* The snapshot of that ident, also if a verb before it has given it other files. ESTALE. */
int turn_snapshot(const struct turn *t, uint64_t ident, const struct snapshot **ret, struct err *e);

/* After turn_confirm: the change may give snapshots other bytes, so none keeps its number
 * (catalog/numbers.h) in another file. */
void turn_renumber(struct turn *t);

#define autoturn __attribute__((cleanup(turn_end)))

/* The last step before the change: is the domain still what the guard was asked about? The guard
 * reads every domain, which takes its time, and libvirt names snapshots by their names alone.
 * EBUSY; EINTR when the thread's task is unwanted by now. */
int turn_confirm(struct turn *t, struct err *e);

/* A change may begin from here on; turn_confirm says so itself. */
void turn_begins_change(struct turn *t);

/* Have both readings of a domain the same snapshots and disks, and the same state as to running? */
bool turn_is_same(const struct domain *a, const struct domain *b);

#endif
