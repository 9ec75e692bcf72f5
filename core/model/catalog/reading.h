/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reading.h - one question to libvirt at a time, so that one reading serves all threads that want
 * the answer. */
#ifndef SNAPFS_MODEL_CATALOG_READING_H
#define SNAPFS_MODEL_CATALOG_READING_H

#include <pthread.h>
#include <stdint.h>

#include "base/error.h"

/* The right to ask libvirt for one thing, one thread at a time. */
struct reading {
    pthread_mutex_t lock;
    uint64_t late_at; /* under `lock`: when libvirt last failed to answer in time */
    struct err late;  /* the message for that */
};

/* Waits for the right to ask. Give the right back by reading_end, with the result. If libvirt did
 * not answer the thread that had the right before (ETIMEDOUT), each thread that waited for the
 * right fails in the same way. Such a thread does not get the right. */
int reading_begin(struct reading *r, struct err *e);
void reading_end(struct reading *r, int result, const struct err *e);

#endif
