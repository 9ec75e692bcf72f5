/* SPDX-License-Identifier: GPL-3.0-or-later */
/* walks.h - walks along paths that change meanwhile.
 *
 * When a snapshot is deleted, the paths of the snapshots below it change. A walk that has read such
 * a path, from a link of by-name/, then finds that a name is gone. If the reply is ESTALE, the
 * kernel walks once more, and reads the link again. So a thread gets ESTALE once, and the true
 * answer from then on. If no link led the thread to the name, the thread gets the true answer at
 * once. The reason is mkdir(2): mkdir(2) does not ask again for the name that it makes.
 */
#ifndef SNAPFS_FUSE_WALKS_H
#define SNAPFS_FUSE_WALKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    WALKS_LINKS = 64, /* links that threads have read last */
    WALKS_STALE = 64, /* lookups that were answered with ESTALE */
    WALKS_MS = 1000,  /* how long each is remembered */
};

struct walks {
    pthread_mutex_t lock; /* a leaf */
    struct {
        pid_t thread;
        uint64_t until; /* CLOCK_MONOTONIC, ns */
        uint64_t node;  /* of the link */
        char *target;   /* as the thread has read it; NULL: none */
    } links[WALKS_LINKS];
    unsigned next;
    struct {
        uint64_t lookup; /* a hash of thread, directory and name */
        uint64_t until;
    } stale[WALKS_STALE];
};

void walks_init(struct walks *w);
void walks_destroy(struct walks *w);

/* Notes that the thread reads a link with that target. If `target` is NULL, notes that the thread
 * is in no walk. */
void walks_link(struct walks *w, pid_t thread, uint64_t node, const char *target);

/* Finds the last link that the thread has read. If this link leads through `name`, returns the
 * link's node; else 0. *ret_target is then the link's target, and the caller frees it. */
uint64_t walks_led_by(struct walks *w, pid_t thread, const char *name, char **ret_target);

/* Tells whether the thread must get ESTALE. Returns true at the thread's first lookup of this name
 * in this directory, and remembers the lookup. */
bool walks_first(struct walks *w, pid_t thread, uint64_t directory, const char *name);

#endif
