/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twins.h - finds files that may be one file, seen through two file systems. Such a file, as bindfs
 * and mergerfs show it, has two device numbers and often two inode numbers.
 *
 * Files of one name, size and modification time under two devices may be one file. This needs one
 * of the two file systems to be FUSE, overlay or a network one. Otherwise they are copies, such as
 * a golden image on two datastores.
 */
#ifndef SNAPFS_MODEL_GRAPH_TWINS_H
#define SNAPFS_MODEL_GRAPH_TWINS_H

#include "base/mounts.h"
#include "model/graph/graph.h"

/* Pairs (graph_pair) the graph's files that may be one. -ENOMEM. */
int twins_pair(struct graph *g, const struct mounts *mounts, struct err *e);

#endif
