/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twins.h - one file that is seen through two file systems, as bindfs and mergerfs show it, has two
 * device numbers and often two inode numbers.
 *
 * Files of one name, size and modification time under two devices may be one file where one of the
 * two file systems is FUSE, overlay or a network one. Else they are copies, as a golden image on
 * two datastores is. */
#ifndef SNAPFS_MODEL_GRAPH_TWINS_H
#define SNAPFS_MODEL_GRAPH_TWINS_H

#include "base/mounts.h"
#include "model/graph/graph.h"

/* Pairs (graph_pair) the graph's files that may be one. -ENOMEM. */
int twins_pair(struct graph *g, const struct mounts *mounts, struct err *e);

#endif
