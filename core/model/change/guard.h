/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guard.h - is libvirt's own call safe here? Asked before every change, of a domain read just now.
 *
 * libvirt's checks are not enough: some native deletes and reverts silently destroy other
 * snapshots, pick the wrong one, or kill the daemon. create/check.h, delete/check.h and
 * revert/check.h ask what each verb needs, of the file graph of all domains; here is what they
 * share. They refuse with EBUSY before anything is touched, naming what would be lost. 0 = go
 * ahead.
 *
 * The test driver's domains need no files: there only new names are checked. Where libvirt's files
 * are not ours to see, a delete or revert is refused (EOPNOTSUPP), since nothing could be asked of
 * the graph.
 */
#ifndef SNAPFS_MODEL_CHANGE_GUARD_H
#define SNAPFS_MODEL_CHANGE_GUARD_H

#include "model/graph/survey.h"

/* Before libvirt makes new files: EACCES if its daemon runs as another user than this ordinary one,
 * who could then neither read nor remove them. */
int guard_overlays(const struct model *m, struct err *e);

/* Can the XML of every snapshot of the domain be read? If not, it is not known what uses what:
 * EBUSY. */
int guard_readable(const struct domain *d, struct err *e);

/* Does QEMU's monitor, by which libvirt names an internal snapshot of a domain that runs, take that
 * name as it is? EBUSY. */
int guard_monitor(const struct domain *d, const struct snapshot *s, struct err *e);

/* Does the name of the snapshot pick its own tag in that file, and no other? QEMU takes a name that
 * is the id of another tag for that id. EBUSY. */
int guard_tag_name(const struct survey *v, int file, const struct snapshot *s, struct err *e);

/* The number of the file at the top of that user's chain; GRAPH_NO_FILE for no such user. */
int guard_top_file(const struct survey *v, int user);

/* Has the domain no saved state, which a later start would resume `what`? EBUSY. */
int guard_saved(struct model *m, const struct domain *d, const char *what, struct err *e);

/* Has it bytes, of a disk or of memory, in files of their own? */
bool guard_is_external(const struct snapshot *s);

#endif
