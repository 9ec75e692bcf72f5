/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress.h - the operation that runs on a domain and its progress. The verb at work publishes it;
 * otherwise libvirt is asked. The file `job` shows it.
 *
 * Asking can take as long as the work itself, so a thread of its own does that, one a domain. A
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

/* The step of a verb that is first in the queue here, and waits for the operation of another
 * process. */
#define PROGRESS_WAITS "waiting for another program's operation"

/* Note that the verb of the calling thread begins its work on the domain; and that it has ended. */
void progress_begin(struct activity *a, struct work *w);
void progress_end(struct activity *a, struct work *w);

/* Publishes the step of the verb on the calling thread ("committing vda"; cut if too long, "" =
 * nothing worth telling) and its progress in bytes. With `total` 0 libvirt is asked for the
 * progress whenever a reader wants to know. */
void progress_set(const char *step, uint64_t done, uint64_t total);

/* Publishes the same before a call during which libvirt answers no questions at first, or, with
 * `ever` false, not before its end. With `ever` it waits, a second at most, until no question is
 * under way: a question would get no answer either. */
void progress_before(const char *step, bool ever);

/* Waits until no thread asks libvirt any more. */
void progress_close(struct model *m);

/* Makes the `job` of a domain, which runs if `active`: the operation on it and its progress, or
 * "none". `name` takes the place of the path if the operation has none, as a recovery. Takes
 * PROGRESS_WAIT_MS at most, even while libvirt or QEMU hangs. */
int model_job(struct model *m, const char *uuid, const char *name, bool active, char **ret,
              size_t *ret_len, struct err *e);
/* Gives the time of the last change; false if nothing was ever seen to run. */
bool model_job_time(struct model *m, const char *uuid, struct timespec *ret);

/* Extends the message after an image could not be opened or read: says in `e` if a verb of this
 * mount, which may be why, is at work on the domain. */
void model_blame_verb(struct model *m, const char *uuid, struct err *e);

#endif
