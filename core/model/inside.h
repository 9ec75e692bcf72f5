/* inside.h - which snapshot's image does a path of the mounted tree name?
 *
 * Answered from the catalog alone: asking the mount itself could wait for the very change that
 * asks. */
#ifndef SNAPFS_MODEL_INSIDE_H
#define SNAPFS_MODEL_INSIDE_H

#include "model/model.h"

/* `path` from the root of the tree on ("/web01/current/vda.raw"), links and ".." resolved as the
 * kernel would. The snapshot of `d` whose directory or image it names, NULL for none. */
const struct snapshot *inside_snapshot(const struct domain *d, const char *path);

#endif
