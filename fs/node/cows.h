/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cows.h - throw-away writes: the open .cow files that have been opened for writing.
 *
 * The first open for writing makes the file's view (image/cow.h). Every open of the file then
 * shares the view, also an earlier open. Until then the file reads as the image. The view ends with
 * the last open of any kind. At most COWS_MAX files have one at a time. Any thread may call any
 * function.
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
    COWS_DEFAULT_MIB = 1024, /* how much may be written to one view */
    COWS_MOST_MIB = 1048576,
    COWS_CLOSE_MS = 200 /* the kernel reports a close(2) late, so an open waits */
};

struct cows {
    pthread_mutex_t lock; /* a leaf */
    pthread_cond_t gone;  /* signals that a view has ended */
    uint64_t most;        /* bytes that may be written to one view */
    unsigned n;           /* files with a view */
    struct cow_file *first;
};

void cows_init(struct cows *all, uint64_t most);
void cows_destroy(struct cows *all); /* drops the remaining views */

/* The file that an open opens. */
struct cow_open {
    uint64_t node, number; /* `number` is the file's st_ino: it stays when a merge by snapfs gives
                            * the file another node */
    uint64_t size;         /* bytes */
    uint64_t chain;        /* image_chain_hash */
    bool writes;
};

/* Counts an open. *ret_first tells whether the node had no open before. It fails with:
 * - ENOSPC if COWS_MAX others have a view;
 * - EBUSY if the file is open through another node, whose pages the kernel keeps apart;
 * - EBUSY if it is open on other files;
 * - ENOMEM, or the reason why there can be no file for the written data. */
int cows_open(struct cows *all, const struct cow_open *o, bool *ret_first, struct err *e);

/* Ends one open. Returns true if it was the node's last open, so that the view has ended. */
bool cows_close(struct cows *all, uint64_t node);

/* Notes that the node's image now uses other files, with the same bytes. */
void cows_renewed(struct cows *all, uint64_t node, uint64_t before, uint64_t chain);

/* Returns a reference to the node's view, or NULL if it has none. */
struct cow *cows_get(struct cows *all, uint64_t node);

#endif
