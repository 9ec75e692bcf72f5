/* SPDX-License-Identifier: GPL-3.0-or-later */
/* quiesce.h - the guest's file systems frozen for as long as a snapshot takes, and thawed whatever
 * becomes of us meanwhile. */
#ifndef SNAPFS_MODEL_CREATE_QUIESCE_H
#define SNAPFS_MODEL_CREATE_QUIESCE_H

#include "base/text.h"
#include "model/journal/journal.h"
#include "model/catalog/domain.h"

struct model;

/* Has the guest's agent freeze them (virt_freeze has the errors). The journal tells of it. */
int quiesce_freeze(struct model *m, const char *uuid, struct err *e);

/* Has it thaw them, where the domain runs. The remark tells of an agent that fails, since nothing
 * more can be done; with `late`, when an operation was cut off that froze them, also of one that
 * does not. The errors are those of a libvirt that does not answer. */
int quiesce_thaw(struct model *m, const char *uuid, bool late, struct text *remark, struct err *e);

/* Thaws them late by a journal of its own, as versions of snapfs before 'create' had one wrote it:
 *
 *     freeze 1     the version of all this
 *     uri URI      the libvirt it was begun through
 */
int quiesce_recover(struct model *m, struct journal *j, const char *uuid, struct text *remark,
                    struct err *e);

#endif
