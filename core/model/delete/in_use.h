/* SPDX-License-Identifier: GPL-3.0-or-later */
/* in_use.h - does anybody have an image open of a snapshot that is to be deleted? */
#ifndef SNAPFS_MODEL_DELETE_IN_USE_H
#define SNAPFS_MODEL_DELETE_IN_USE_H

#include "model/catalog/domain.h"

struct model;

enum { IN_USE_WAIT_MS = 1000 };

struct open_mark;

/* EBUSY if an image or the memory of `s`, a snapshot of `d`, is open, through any snapfs mount of
 * this host, with the holders' names. close(2) returns before snapfs hears of it, so the call waits
 * IN_USE_WAIT_MS for a close that is on its way. EINTR when the thread's task is unwanted
 * meanwhile.
 *
 * *ret (ret may be NULL) keeps others from opening one until open_mark_drop; NULL where nothing
 * can. */
int in_use_check(struct model *m, const struct domain *d, const struct snapshot *s,
                 struct open_mark **ret, struct err *e);

/* The same of all snapshots below `top`, and with `itself` of that, too. */
int in_use_check_below(struct model *m, const struct domain *d, const struct snapshot *top,
                       bool itself, struct err *e);

#endif
