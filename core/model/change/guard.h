/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guard.h - whether libvirt's own call is safe. Asked before every change, of a domain read just
 * now.
 *
 * libvirt's checks are not enough: some native deletes and reverts silently destroy other
 * snapshots, pick the wrong one, or kill the daemon. create/check.h, delete/check.h and
 * revert/check.h ask the file graph of all domains what each verb needs. This file has what they
 * share. They refuse with EBUSY before anything is touched, and name what would be lost. 0 = go
 * ahead.
 *
 * The test driver's domains need no files, so for them only new names are checked. If snapfs cannot
 * see libvirt's files, it refuses a delete or revert with EOPNOTSUPP, because the graph could not
 * tell anything.
 */
#ifndef SNAPFS_MODEL_CHANGE_GUARD_H
#define SNAPFS_MODEL_CHANGE_GUARD_H

#include "model/graph/survey.h"

/* Checks, before libvirt makes new files, that snapfs's user can use them. If this user is ordinary
 * and libvirt's daemon runs as another user, it fails with EACCES. The ordinary user could then
 * neither read nor remove the files. */
int guard_overlays(const struct model *m, struct err *e);

/* Checks that the XML of every snapshot of the domain can be read. If not, it fails with EBUSY,
 * because snapfs does not know the users of the files. */
int guard_readable(const struct domain *d, struct err *e);

/* Checks that QEMU's monitor takes the snapshot's name as it is; else EBUSY. libvirt names an
 * internal snapshot of a running domain through the monitor. */
int guard_monitor(const struct domain *d, const struct snapshot *s, struct err *e);

/* Checks that QEMU finds the snapshot's own tag in that file by the snapshot's name; else EBUSY. If
 * the name is the id of another tag, QEMU takes the name for that id. */
int guard_tag_name(const struct survey *v, int file, const struct snapshot *s, struct err *e);

/* Returns the number of the file at the top of that user's chain. If there is no such user, returns
 * GRAPH_NO_FILE. */
int guard_top_file(const struct survey *v, int user);

/* Checks that the domain has no saved state; else EBUSY. A later start would resume a saved state
 * on disks that have changed; `what` names these disks in the message. */
int guard_saved(struct model *m, const struct domain *d, const char *what, struct err *e);

/* Returns whether the snapshot has bytes, of a disk or of memory, in files of their own. */
bool guard_is_external(const struct snapshot *s);

#endif
