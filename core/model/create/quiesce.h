/* SPDX-License-Identifier: GPL-3.0-or-later */
/* quiesce.h - freezes the guest's file systems while a snapshot is made, and thaws them even if
 * snapfs is cut off meanwhile. */
#ifndef SNAPFS_MODEL_CREATE_QUIESCE_H
#define SNAPFS_MODEL_CREATE_QUIESCE_H

#include "base/text.h"
#include "model/journal/journal.h"
#include "model/catalog/domain.h"

struct model;

/* Has the guest's agent freeze the file systems (virt_freeze has the errors). The journal records
 * it. */
int quiesce_freeze(struct model *m, const char *uuid, struct err *e);

/* Has the agent thaw the file systems, if the domain runs. If the agent fails, the remark tells it,
 * because nothing more can be done. With `late`, after an operation was cut off that froze them,
 * the remark also tells of a success. Fails only if libvirt does not answer. */
int quiesce_thaw(struct model *m, const char *uuid, bool late, struct text *remark, struct err *e);

/* Thaws the file systems late, by a journal of its own. Versions of snapfs before 'create' had a
 * journal wrote it:
 *
 *     freeze 1     the version of all this
 *     uri URI      the libvirt it was begun through
 */
int quiesce_recover(struct model *m, struct journal *j, const char *uuid, struct text *remark,
                    struct err *e);

#endif
