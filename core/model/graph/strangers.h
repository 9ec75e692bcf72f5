/* SPDX-License-Identifier: GPL-3.0-or-later */
/* strangers.h - images that no domain has, but which use the files of one: a clone that
 * `qemu-img create -b` has made and that nobody has given to a domain yet, an overlay that was
 * left.
 *
 * They are looked for in the directories of the domain's files, before a file is merged into or
 * unlinked. An image in another directory is found only when a domain has it. */
#ifndef SNAPFS_MODEL_GRAPH_STRANGERS_H
#define SNAPFS_MODEL_GRAPH_STRANGERS_H

#include "base/mounts.h"
#include "model/graph/denied.h"
#include "model/graph/graph.h"

/* Adds to the graph, as users with `found` set, the images in the directories of the files that
 * `domain` uses (NULL: no domain), and of the loose overlays. Files in the graph, among them all
 * that libvirt calls raw, are not looked at, and of the others only what begins as an image that
 * can have a backing file. `unseen` gets a sentence on each directory with too many files, `denied`
 * what may not be looked at. */
int strangers_add(struct graph *g, const struct mounts *mounts, const char *domain,
                  struct text *unseen, struct denied *denied, struct err *e);

#endif
