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

/* The step of a verb that is first in this mount's queue, but waits for the operation of another
 * process. */
#define PROGRESS_WAITS "waiting for another program's operation"

/* Note that the calling thread's verb begins its work on the domain, or has ended that work. */
void progress_begin(struct activity *a, struct work *w);
void progress_end(struct activity *a, struct work *w);

/* Publishes the step of the verb on the calling thread ("committing vda"; cut if too long, "" =
 * nothing worth telling) and its progress in bytes. If `total` is 0, snapfs asks libvirt for the
 * progress whenever a user reads `job`. */
void progress_set(const char *step, uint64_t done, uint64_t total);

/* Publishes the same before a call to libvirt. At the beginning of that call, libvirt answers no
 * questions. If `ever` is false, libvirt answers none until the call ends. If `ever` is true,
 * progress_before waits, a second at most, until no question is under way. Such a question would
 * get no answer either. */
void progress_before(const char *step, bool ever);

/* Waits until no thread asks libvirt any more. */
void progress_close(struct model *m);

/* Makes the text of a domain's `job`: the operation on the domain and its progress, or "none".
 * `active`: the domain runs. If the operation has no path, as a recovery, `name` takes the place of
 * the path. Takes PROGRESS_WAIT_MS at most, even while libvirt or QEMU hangs. */
int model_job(struct model *m, const char *uuid, const char *name, bool active, char **ret,
              size_t *ret_len, struct err *e);
/* Gives the time of the last change. Returns false if snapfs has never seen an operation run. */
bool model_job_time(struct model *m, const char *uuid, struct timespec *ret);

/* Extends the message after an image could not be opened or read. If a verb of this mount is at
 * work on the domain, `e` then says so, because that verb may be the reason. */
void model_blame_verb(struct model *m, const char *uuid, struct err *e);

#endif
