/* SPDX-License-Identifier: GPL-3.0-or-later */
/* state.h - inside core/model: the model, by which each room finds its own parts.
 *
 * model.c makes all of it before another thread has it, and exchanges none of it after that. Each
 * pointer leads to the state of one room, under that room's own lock.
 *
 * Locks, in the order they are taken; none is held while a value is used:
 *
 *   a queue's place    one verb on the domain at a time (activity/queue.h); over libvirt calls
 *   a domain's journal the same over processes (journal/journal.h)
 *   list_cache->reading   one reading of the list of domains at a time; over libvirt calls
 *   entry->reading     one reading of the domain at a time; over libvirt calls
 *   usage_cache->lock  the latest usage; never over a libvirt call or file access
 *   list_cache->lock, catalog->lock
 *                      what was read last; never over a libvirt call or file access
 *   activity->lock     the operations on domains; a leaf
 *   probes->lock       what is remembered of a domain's images (reader/probes.h), a leaf
 */
#ifndef SNAPFS_MODEL_STATE_H
#define SNAPFS_MODEL_STATE_H

#include "model/options.h"
#include "virt/virt.h"

enum { ADVISED_MAX = 16 };

struct model {
    struct virt *virt;
    struct model_options options;
    bool is_test;                           /* libvirt's test driver: its domains have no files */
    struct pools *pools;                    /* storage/pools.h */
    struct activity *activity;              /* activity/activity.h */
    struct keeper *keeper;                  /* journal/keep.h */
    struct keep_later *keep_later;          /* journal/keep_later.h */
    struct catalog *catalog;                /* catalog/catalog.h */
    struct list_cache *list_cache;          /* catalog/domain_list.h */
    const struct catalog_hooks *hooks;      /* catalog/hooks.h */
    struct usage_cache *usage_cache;        /* graph/usage_cache.h */
    struct open_cache *open_cache;          /* reader/open_cache.h */
    struct touched *touched;                /* reader/modified.h */
    struct open_images *open_images;        /* reader/open_images.h */
    struct unreadable *unreadable;          /* reader/unreadable.h */
    const struct recoverable *recoverables; /* change/recover.h */
    struct rounds *rounds;                  /* change/rounds.h */
    struct settler *settler;                /* change/settler.h */
    _Atomic bool marks_made;                /* reader/open_marks.h */
    _Atomic uint64_t advised[ADVISED_MAX];  /* hashes of the warnings said last (graph/advice.h) */
};

#endif
