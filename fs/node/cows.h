/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cows.h - throw-away writes: which of the open .cow files has been written to, or may be.
 *
 * The first open for writing makes the file's view (image/cow.h), which every open of the file
 * shares from then on, also one from before; until then the file reads as the image. The view goes
 * with the last open of any kind. At most COWS_MAX files have one at a time. All functions may be
 * called from any thread.
 */
#ifndef SNAPFS_NODE_COWS_H
#define SNAPFS_NODE_COWS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "image/cow.h"

enum {
    COWS_MAX = 4,
    COWS_DEFAULT_MIB = 1024, /* what may be written to one */
    COWS_MOST_MIB = 1048576,
    COWS_CLOSE_MS = 200 /* close(2) returns before we hear of it: how long an open waits */
};

struct cows {
    pthread_mutex_t lock; /* a leaf */
    pthread_cond_t gone;  /* a view is */
    uint64_t most;        /* bytes written to one view */
    unsigned n;           /* files with a view */
    struct cow_file *first;
};

void cows_init(struct cows *all, uint64_t most);
void cows_destroy(struct cows *all); /* drops the views that are left */

/* What is opened. */
struct cow_open {
    uint64_t node, number; /* of the file: its st_ino, which it keeps when a merge made here gives
                            * it another node */
    uint64_t size;         /* bytes */
    uint64_t chain;        /* image_chain_hash */
    bool writes;
};

/* Counts an open; *ret_first: the node had none. ENOSPC: COWS_MAX others have a view; EBUSY: the
 * file is open by another node, whose pages the kernel keeps apart, or on other files; ENOMEM; or
 * why there can be no file for what is written. */
int cows_open(struct cows *all, const struct cow_open *o, bool *ret_first, struct err *e);

/* Takes one open back. True: that was the node's last, and its view has gone. */
bool cows_close(struct cows *all, uint64_t node);

/* The node's image is read from other files now, with the same bytes. */
void cows_renewed(struct cows *all, uint64_t node, uint64_t before, uint64_t chain);

/* A reference to the view of the node; NULL: it has none. */
struct cow *cows_get(struct cows *all, uint64_t node);

#endif
