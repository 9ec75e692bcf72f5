/* SPDX-License-Identifier: GPL-3.0-or-later */
/* in_use.h - whether a program has open an image of a snapshot that is to be deleted. */
#ifndef SNAPFS_MODEL_DELETE_IN_USE_H
#define SNAPFS_MODEL_DELETE_IN_USE_H

#include "model/catalog/domain.h"

struct model;

enum { IN_USE_WAIT_MS = 1000 };

struct open_mark;

/* Fails with EBUSY if an image or the memory of `s`, a snapshot of `d`, is open through any snapfs
 * mount of this host. The message names the holders. close(2) returns before snapfs hears of it, so
 * the call waits IN_USE_WAIT_MS for a close that is on its way. Fails with EINTR if the thread's
 * task becomes unwanted meanwhile.
 *
 * *ret (ret may be NULL) keeps other programs from opening an image until open_mark_drop. It is
 * NULL if nothing can keep them from it.
 */
int in_use_check(struct model *m, const struct domain *d, const struct snapshot *s,
                 struct open_mark **ret, struct err *e);

/* Checks the same for all snapshots below `top`, and with `itself` also for `top`. */
int in_use_check_below(struct model *m, const struct domain *d, const struct snapshot *top,
                       bool itself, struct err *e);

#endif
