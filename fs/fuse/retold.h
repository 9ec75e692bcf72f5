/* SPDX-License-Identifier: GPL-3.0-or-later */
/* retold.h - lookups that fail only because a path has changed during the walk.
 *
 * When a snapshot is deleted, the paths of the snapshots below it change. A walk that has read such
 * a path, from a link of by-name/, then finds that a name is gone. If the reply is ESTALE, the
 * kernel walks once more, and asks for each name again. So a thread gets ESTALE once, and the true
 * answer from then on. If no link led the thread to the name, it gets the true answer at once. The
 * reason is mkdir(2), which does not ask again for the name that it makes.
 */
#ifndef SNAPFS_FUSE_RETOLD_H
#define SNAPFS_FUSE_RETOLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    RETOLD_MAX = 64, /* lookups that are remembered */
    RETOLD_MS = 1000,
    RETOLD_LINKS = 64,       /* links that threads have read last */
    RETOLD_DELETES_MAX = 16, /* deletes that are remembered, each of another domain */
    RETOLD_DELETES_MS = 2000,
};

struct retold {
    pthread_mutex_t lock; /* a leaf */
    unsigned next;
    struct {
        uint64_t lookup; /* a hash of thread, directory and name */
        uint64_t until;  /* remembered until then; CLOCK_MONOTONIC, ns */
    } told[RETOLD_MAX];
    struct {
        pid_t thread;
        uint64_t until;
        char *target; /* NULL: none */
    } links[RETOLD_LINKS];
    unsigned next_delete;
    struct {
        uint64_t domain; /* a hash of its uuid */
        uint64_t until;  /* the domain's paths count as changed until then */
    } deletes[RETOLD_DELETES_MAX];
};

void retold_init(struct retold *r);
void retold_destroy(struct retold *r);

/* Notes that the thread reads a link of that target, or (NULL) is in no walk. */
void retold_link(struct retold *r, pid_t thread, const char *target);

/* Tells whether the last link that the thread has read leads through that name. */
bool retold_is_led(struct retold *r, pid_t thread, const char *name);

/* Notes that a delete on the domain begins, or has ended. */
void retold_delete(struct retold *r, const char *uuid, bool begins);

/* Tells whether a delete is under way, or has just ended. */
bool retold_is_deleted(struct retold *r, const char *uuid);

/* Tells whether the thread must get ESTALE. True at its first such lookup, which is remembered for
 * RETOLD_MS. */
bool retold_first(struct retold *r, pid_t thread, uint64_t directory, const char *name);

#endif
