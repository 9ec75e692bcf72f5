/* SPDX-License-Identifier: GPL-3.0-or-later */
/* retold.h - lookups that fail only because a path has changed under the walk.
 *
 * When a snapshot is deleted, the paths of those below it change. A walk that has read such a path,
 * from a link of by-name/, then meets a name that is gone. Told ESTALE the kernel walks once more,
 * and asks for each name again; so ESTALE is said to a thread once, and the truth from then on. A
 * name that no link led the thread to is answered with the truth at once: mkdir(2) does not ask
 * again for the name that it is to make.
 */
#ifndef SNAPFS_FUSE_RETOLD_H
#define SNAPFS_FUSE_RETOLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    RETOLD_MAX = 64, /* lookups that are remembered, */
    RETOLD_MS = 1000,
    RETOLD_LINKS = 64,       /* links that threads have read last */
    RETOLD_DELETES_MAX = 16, /* and deletes, of as many domains */
    RETOLD_DELETES_MS = 2000,
};

struct retold {
    pthread_mutex_t lock; /* a leaf */
    unsigned next;
    struct {
        uint64_t lookup; /* a hash of thread, directory and name, */
        uint64_t until;  /* for so long; CLOCK_MONOTONIC, ns */
    } told[RETOLD_MAX];
    struct {
        pid_t thread;
        uint64_t until;
        char *target; /* NULL: none */
    } links[RETOLD_LINKS];
    unsigned next_delete;
    struct {
        uint64_t domain; /* a hash of its uuid, */
        uint64_t until;  /* and when paths have not changed lately any more */
    } deletes[RETOLD_DELETES_MAX];
};

void retold_init(struct retold *r);
void retold_destroy(struct retold *r);

/* The thread reads a link of that target, or (NULL) is in no walk. */
void retold_link(struct retold *r, pid_t thread, const char *target);

/* Does the link that the thread has read last lead by that name? */
bool retold_is_led(struct retold *r, pid_t thread, const char *name);

/* A delete on the domain begins, or has ended. */
void retold_delete(struct retold *r, const char *uuid, bool begins);

/* Is one under way, or has one just ended? */
bool retold_is_deleted(struct retold *r, const char *uuid);

/* Is the thread to be told ESTALE? True at its first such lookup; it is remembered for RETOLD_MS.
 */
bool retold_first(struct retold *r, pid_t thread, uint64_t directory, const char *name);

#endif
