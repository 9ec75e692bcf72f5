/* SPDX-License-Identifier: GPL-3.0-or-later */
/* loops.h - adds loop devices as users of the files that they are over. */
#ifndef SNAPFS_MODEL_GRAPH_LOOPS_H
#define SNAPFS_MODEL_GRAPH_LOOPS_H

#include "base/mounts.h"
#include "model/graph/graph.h"

/* Adds the loop devices of the host whose file is in the graph, as users with `loop` set. */
int loops_add(struct graph *g, const struct mounts *mounts, struct err *e);

#endif
