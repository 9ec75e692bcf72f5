/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guard.h - is libvirt's own call safe here? Asked before every change, of a domain read just now.
 *
 * libvirt's checks are not enough: some native deletes and reverts silently destroy other
 * snapshots, pick the wrong one, or kill the daemon. The guard builds the file graph of all domains
 * and refuses with EBUSY (EEXIST for a name that a disk already holds, EINVAL for a name libvirt
 * cannot make) before anything is touched, naming what would be lost. 0 = go ahead.
 *
 * The test driver's domains need no files: there only new names are checked. Where libvirt's files
 * are not ours to see, a delete or revert is refused (EOPNOTSUPP), since nothing could be asked of
 * the graph.
 */
#ifndef SNAPFS_MODEL_CHANGE_GUARD_H
#define SNAPFS_MODEL_CHANGE_GUARD_H

#include "model/change/reclaim.h"
#include "model/create/plan.h"
#include "model/graph/survey.h"

/* Before a snapshot as planned is made; `v` may be a survey of the domain alone where no file is
 * made. */
int guard_create(struct model *m, const struct survey *v, const struct domain *d, const char *name,
                 const struct plan *p, struct err *e);
/* Before libvirt makes new files: EACCES if its daemon runs as another user than this ordinary one,
 * who could then neither read nor remove them. */
int guard_overlays(const struct model *m, struct err *e);

/* *ret_native: by libvirt's own call, which deletes an internal one where the disks are within its
 * reach; else, and with `metadata`, libvirt is only to forget it. */
int guard_delete(const struct survey *v, const struct domain *d, const struct snapshot *s,
                 bool metadata, bool *ret_native, struct err *e);

enum guard_way {
    GUARD_NATIVE,   /* by libvirt's own call */
    GUARD_OVERLAYS, /* by the steps of revert/overlays.h, and */
    GUARD_COPY      /* by those of revert/copy.h; both have checks of their own */
};

/* `flags` are virt_revert_flag; `left` gets the files that a native one may leave to nobody. ENOENT
 * where the domain could not start for want of a file. */
int guard_revert(struct model *m, struct domain *d, const struct snapshot *s, unsigned flags,
                 enum guard_way *ret_way, struct reclaim *left, struct err *e);
/* Does anything else stand on the file that holds that disk's tag? EBUSY where a revert could not
 * pick the tag, or what stands on the file cannot be told. */
int guard_shares(const struct survey *v, const struct domain *d, const struct snapshot *s,
                 const struct snapshot_disk *disk, bool *ret, struct err *e);

/* Has the domain no saved state, which a later start would resume `what`? EBUSY. */
int guard_saved(struct model *m, const struct domain *d, const char *what, struct err *e);

/* Has it bytes, of a disk or of memory, in files of their own? */
bool guard_is_external(const struct snapshot *s);

#endif
