/* SPDX-License-Identifier: GPL-3.0-or-later */
/* catalog.h - inside core/model: the model itself, and its entry for each domain.
 *
 * Locks, in the order they are taken; none is held while a value is used:
 *   entry->queue       one verb on the domain at a time (activity/queue.h); over libvirt calls
 *   a domain's journal the same over processes (journal/journal.h)
 *   model->listing     one reading of the list of domains at a time; over libvirt calls
 *   entry->reading     one reading of the domain at a time; over libvirt calls
 *   lookout->lock      the latest outlook; never over a libvirt call or file access
 *   model->lock        the fields below it; never over a libvirt call or file access
 *   probes->lock       what is remembered of a domain's images (reader/open.c), a leaf
 */
#ifndef SNAPFS_MODEL_CATALOG_CATALOG_H
#define SNAPFS_MODEL_CATALOG_CATALOG_H

#include <pthread.h>

#include "model/catalog/capability.h"
#include "model/model.h"
#include "model/activity/log.h"
#include "model/activity/progress.h"
#include "model/activity/queue.h"
#include "virt/virt.h"

enum { ENTRY_BUCKETS = 1024 };

/* The right to ask libvirt for one thing, one thread at a time. */
struct reading {
    pthread_mutex_t lock;
    uint64_t late_at; /* under `lock`: when libvirt last failed to answer in time, and */
    struct err late;  /* the words for it */
};

struct entry {
    struct entry *next;
    char uuid[VIRT_UUID_LEN + 1];
    struct reading reading;
    /* under model->lock: */
    bool listed;           /* by the list that model_prune goes by, while it does */
    unsigned users;        /* threads that hold a pointer to the entry */
    uint64_t changes;      /* counts changes made here; a reading that began before one is stale */
    struct domain *latest; /* may be NULL */
    bool stale;            /* it is old, whatever its age */
    struct oplog log;
    struct queue queue;
    struct progress progress;
};

enum { ADVISED_MAX = 16 };

struct model {
    struct virt *virt;
    struct model_options options;
    bool is_test; /* libvirt's test driver: its domains have no files */
    struct reading listing;
    struct lookout *lookout;
    struct linger *linger;
    struct touched *touched;
    struct open_images *open_images;
    struct pools *pools;
    struct keep_later *keep_later;
    struct unreadable *unreadable;
    struct keeper *keeper;
    _Atomic bool marks_made;               /* reader/open_marks.h */
    _Atomic uint64_t advised[ADVISED_MAX]; /* hashes of the warnings said last (advice.h) */
    pthread_mutex_t lock;
    pthread_cond_t turned; /* a task, a queue or a progress changed */
    /* under lock: */
    struct settler *settler; /* set once, before there is a thread of FUSE's; NULL for none */
    bool recovery_ends;
    struct entry *entries[ENTRY_BUCKETS]; /* by uuid */
    struct domain_list *list;             /* may be NULL */
    uint64_t changes;                     /* made here, to any domain */
    unsigned askers;                      /* threads that ask for progress */
    unsigned n_queued;                    /* operations in the queues of all domains, */
    uint64_t n_left;                      /* and how many have left them */
};

/* What its libvirt can do. */
bool model_able(const struct model *m, enum ability a);

/* Waits on `turned` until then at most; false when that has passed. Under model->lock. */
bool model_wait(struct model *m, uint64_t until_ns);

/* The entry of that domain, made when there is none; NULL without memory. Give it back. */
struct entry *model_entry(struct model *m, const char *uuid);
void model_entry_done(struct model *m, struct entry *en);

/* Waits for its turn, to be given back by reading_end with what came of it. Who waited for one that
 * got no answer from libvirt (ETIMEDOUT) fails with it, and has no turn. */
int reading_begin(struct reading *r, struct err *e);
void reading_end(struct reading *r, int result, const struct err *e);

/* Forgets the domains that are not among `all`, so that a stranger who makes and undefines domains
 * does not fill our memory. */
void model_prune(struct model *m, const struct virt_domain *all, size_t n);

/* From now on what was read of this domain, or is being read, is old. */
void model_changed(struct model *m, struct entry *en);

#endif
