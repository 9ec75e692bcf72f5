/* SPDX-License-Identifier: GPL-3.0-or-later */
/* advice.h - warnings in the program's log about clones that snapfs cannot keep right. */
#ifndef SNAPFS_MODEL_GRAPH_ADVICE_H
#define SNAPFS_MODEL_GRAPH_ADVICE_H

#include "model/graph/graph.h"
#include "model/catalog/domain.h"

struct model;

/* Warns, once, of each clone whose backing file is in a mount by a path through `current`. Such a
 * clone reads other bytes as soon as a snapshot is made. */
void advise_of_current(struct model *m, const struct graph *g);

#endif
