/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mount_path.h - which snapshots does a path of the mounted tree use?
 *
 * A clone's header keeps the path for as long as the clone exists, while the tree changes: with its
 * parent a snapshot gets another path, with a rename all of a domain's get one. A path that leads
 * nowhere by now is taken by the names that it is made of.
 *
 * Answered from the catalog alone: asking the mount itself could wait for the very change that
 * asks. */
#ifndef SNAPFS_MODEL_GRAPH_MOUNT_PATH_H
#define SNAPFS_MODEL_GRAPH_MOUNT_PATH_H

#include "model/catalog/domain.h"

/* `path` from the root of the tree on ("/web01/current/vda.raw"), links and ".." resolved as the
 * kernel would. The snapshot of `d` whose directory or image it names, NULL for none. */
const struct snapshot *mount_path_snapshot(const struct domain *d, const char *path);

/* Does the path name an image of `s`, a snapshot of `d`? A path that leads nowhere may: one whose
 * names have that of `s` among them, or have no snapshot's. `known`: is there a domain of the name
 * that the path begins with (mount_path_domain)? If not, it may be any, renamed. */
bool mount_path_reads(const struct domain *d, const struct snapshot *s, const char *path,
                      bool known);

/* The same, or does the path lead through the directory of `s`, without which it leads nowhere? */
bool mount_path_uses(const struct domain *d, const struct snapshot *s, const char *path,
                     bool known);

/* What a path that is nowhere would be in a mount that is away: from its domain's name on, where it
 * has the shape of an image's ("…/web01/by-name/base/vda.raw"); owned by the caller. NULL for a
 * path of another shape, or without memory. */
char *mount_path_guess(const char *path);

/* The coded name of the domain that the path begins with, owned by the caller; NULL for none, or
 * without memory. */
char *mount_path_domain(const char *path);

/* Does the path lead through a domain's `current`, which is another snapshot as soon as one is
 * made? */
bool mount_path_is_current(const char *path);

#endif
