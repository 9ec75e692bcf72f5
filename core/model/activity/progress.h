/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress.h - what runs on a domain and how far it is: published by the verb that is at work on
 * it, asked of libvirt otherwise. The file `job` shows it.
 *
 * Asking can take as long as the work itself, so a thread of its own does that, one a domain, and a
 * reader waits for its answer PROGRESS_WAIT_MS at most.
 */
#ifndef SNAPFS_MODEL_ACTIVITY_PROGRESS_H
#define SNAPFS_MODEL_ACTIVITY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/error.h"

struct activity;
struct model;
struct work;

enum {
    PROGRESS_WAIT_MS = 300,
    PROGRESS_ASKERS_MAX = 4, /* of all domains; a connection and a thread each */
};

/* The step of a verb that has its turn here, and waits for that of another process. */
#define PROGRESS_WAITS "waiting for another program's operation"

/* The verb of the calling thread has its turn on the domain; and is through. */
void progress_begin(struct activity *a, struct work *w);
void progress_end(struct activity *a, struct work *w);

/* Publishes, of the verb that is at work on the calling thread, what it is at ("committing vda";
 * cut when too long, "" = nothing worth telling) and how far that is, in bytes. With `total` 0
 * libvirt is asked for it whenever somebody wants to know. */
void progress_set(const char *step, uint64_t done, uint64_t total);

/* The same before a call that libvirt answers no questions in at first, or, with `ever` false, not
 * before its end. With `ever` it waits, a second at most, until no question is under way, which
 * would get no answer either. */
void progress_before(const char *step, bool ever);

/* Waits until nobody asks libvirt any more. */
void progress_close(struct model *m);

/* The `job` of a domain, which runs if `active`: what is done on it and how far that is, or "none".
 * `name` stands for the path of what is done on no path, as a recovery. Takes PROGRESS_WAIT_MS at
 * most, also while libvirt or QEMU hangs. */
int model_job(struct model *m, const char *uuid, const char *name, bool active, char **ret,
              size_t *ret_len, struct err *e);
/* Since when it is so; false when nothing was ever seen to run. */
bool model_job_time(struct model *m, const char *uuid, struct timespec *ret);

/* After an image could not be opened or read: says so in `e` where a verb of this mount, which may be
 * why, is at work on the domain. */
void model_blame_verb(struct model *m, const char *uuid, struct err *e);

#endif
