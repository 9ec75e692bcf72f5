/* in_use.h - does anybody have an image open of a snapshot that is to be deleted? */
#ifndef SNAPFS_MODEL_DELETE_IN_USE_H
#define SNAPFS_MODEL_DELETE_IN_USE_H

#include "model/model.h"

enum { IN_USE_WAIT_MS = 1000 };

/* EBUSY if an image or the memory of `s`, a snapshot of `d`, is open, with the holders' names.
 * close(2) returns before this process hears of it, so the call waits IN_USE_WAIT_MS for a close
 * that is on its way. EINTR when the thread's task is unwanted meanwhile. */
int in_use_check(struct model *m, const struct domain *d, const struct snapshot *s, struct err *e);

/* The same of all snapshots below `top`, and with `itself` of that, too. */
int in_use_check_below(struct model *m, const struct domain *d, const struct snapshot *top,
                       bool itself, struct err *e);

#endif
