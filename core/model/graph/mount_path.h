/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mount_path.h - which snapshots a path of the mounted tree uses.
 *
 * A clone's header keeps the path for as long as the clone exists, while the tree changes. A
 * snapshot gets another path with its parent; all snapshots of a domain get one with a rename. If a
 * path leads nowhere by now, it is judged by the names that it is made of.
 *
 * The answer comes from the catalog alone. A question to the mount itself could wait for the very
 * change that asks.
 */
#ifndef SNAPFS_MODEL_GRAPH_MOUNT_PATH_H
#define SNAPFS_MODEL_GRAPH_MOUNT_PATH_H

#include "model/catalog/domain.h"

/* Finds the snapshot of `d` whose directory or image `path` names, NULL for none. `path` begins at
 * the root of the tree ("/web01/current/vda.raw"); links and ".." are resolved as the kernel
 * would. */
const struct snapshot *mount_path_snapshot(const struct domain *d, const char *path);

/* Returns whether the path names an image of `s`, a snapshot of `d`. A path that leads nowhere may
 * name one: if its names have that of `s` among them, or have no snapshot's. `known`: there is a
 * domain of the name that the path begins with (mount_path_domain). If not, it may be any domain,
 * renamed. */
bool mount_path_reads(const struct domain *d, const struct snapshot *s, const char *path,
                      bool known);

/* Returns the same, or whether the path leads through the directory of `s`, without which it leads
 * nowhere. */
bool mount_path_uses(const struct domain *d, const struct snapshot *s, const char *path,
                     bool known);

/* Guesses what a path that does not exist would be in a mount that is away: the path from its
 * domain's name on. It must have the shape of an image's path: "…/web01/by-name/base/vda.raw".
 * Owned by the caller; NULL for a path of another shape, or without memory. */
char *mount_path_guess(const char *path);

/* Returns the coded name of the domain that the path begins with, owned by the caller; NULL for
 * none, or without memory. */
char *mount_path_domain(const char *path);

/* Returns whether the path leads through a domain's `current`, which is another snapshot as soon as
 * one is made. */
bool mount_path_is_current(const char *path);

#endif
