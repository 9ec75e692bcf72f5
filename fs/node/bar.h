/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bar.h - keeps a recursive remove from deleting snapshots.
 *
 * `find -delete`, Python's rmtree and Go's RemoveAll go on to rmdir after an unlink was refused. So
 * a refused unlink inside a snapshot bars rmdir of that snapshot, and of all above it, for
 * BAR_SECONDS. The list is bounded: if more than BAR_MAX snapshots are barred at once, every rmdir
 * is barred.
 */
#ifndef SNAPFS_NODE_BAR_H
#define SNAPFS_NODE_BAR_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct domain;
struct snapshot;

enum { BAR_SECONDS = 5, BAR_MAX = 256 };

struct bar {
    pthread_mutex_t lock; /* a leaf */
    size_t n;
    struct {
        uint64_t ident, until;
    } items[BAR_MAX];
    uint64_t all_until;
};

void bar_init(struct bar *b);
void bar_destroy(struct bar *b);

/* Notes that an unlink inside the snapshot was refused at `now` (CLOCK_MONOTONIC, ns). */
void bar_note(struct bar *b, uint64_t ident, uint64_t now);

/* Tells whether rmdir of `s` is barred at `now`. */
bool bar_holds(struct bar *b, const struct domain *d, const struct snapshot *s, uint64_t now);

#endif
