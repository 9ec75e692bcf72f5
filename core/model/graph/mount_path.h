/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mount_path.h - which snapshots a path of the mounted tree uses.
 *
 * A clone's header keeps the path for as long as the clone exists, while the tree changes. If a
 * snapshot gets another parent, its path changes. If the domain is renamed, the paths of all its
 * snapshots change. If a path leads nowhere by now, snapfs judges the path by the names in it.
 *
 * The answer comes from the catalog alone. If a change asked the mount itself, the mount could wait
 * for that same change.
 */
#ifndef SNAPFS_MODEL_GRAPH_MOUNT_PATH_H
#define SNAPFS_MODEL_GRAPH_MOUNT_PATH_H

#include "model/catalog/domain.h"

/* Finds the snapshot of `d` whose directory or image `path` names, NULL for none. `path` begins at
 * the root of the tree ("/web01/current/vda.raw"); links and ".." are resolved as the kernel
 * would. */
const struct snapshot *mount_path_snapshot(const struct domain *d, const char *path);

/* Returns whether the path names an image of `s`, a snapshot of `d`. If the path leads nowhere, it
 * may name an image of `s` in two cases: the name of `s` is in the path, or no snapshot's name is.
 * `known`: the path begins with the name of a domain that exists (mount_path_domain). If not, the
 * path may be of any domain that was renamed. */
bool mount_path_reads(const struct domain *d, const struct snapshot *s, const char *path,
                      bool known);

/* Returns true if mount_path_reads does, or if the path leads through the directory of `s`. Without
 * that directory, such a path leads nowhere. */
bool mount_path_uses(const struct domain *d, const struct snapshot *s, const char *path,
                     bool known);

/* Guesses the place in the tree of a path that does not exist, because its mount may be away. The
 * result is the part of the path from the domain's name on, and the caller owns it. The path must
 * have the shape of an image's path: "…/web01/by-name/base/vda.raw". NULL if the path has another
 * shape, or without memory. */
char *mount_path_guess(const char *path);

/* Returns the coded name of the domain that the path begins with; the caller owns the name. Returns
 * NULL if the path has no such name, or without memory. */
char *mount_path_domain(const char *path);

/* Returns whether the path leads through a domain's `current`. After the next create, `current` is
 * another snapshot. */
bool mount_path_is_current(const char *path);

#endif
