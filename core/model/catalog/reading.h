/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reading.h - who asks libvirt for one thing, so that all who want it have it read once. */
#ifndef SNAPFS_MODEL_CATALOG_READING_H
#define SNAPFS_MODEL_CATALOG_READING_H

#include <pthread.h>
#include <stdint.h>

#include "base/error.h"

/* The right to ask libvirt for one thing, one thread at a time. */
struct reading {
    pthread_mutex_t lock;
    uint64_t late_at; /* under `lock`: when libvirt last failed to answer in time, and */
    struct err late;  /* the words for it */
};

/* Waits for its turn, to be given back by reading_end with what came of it. Who waited for one that
 * got no answer from libvirt (ETIMEDOUT) fails with it, and has no turn. */
int reading_begin(struct reading *r, struct err *e);
void reading_end(struct reading *r, int result, const struct err *e);

#endif
