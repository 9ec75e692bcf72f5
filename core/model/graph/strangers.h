/* SPDX-License-Identifier: GPL-3.0-or-later */
/* strangers.h - images that no domain has, but that use the files of a domain. Such an image may be
 * a clone that `qemu-img create -b` has made and that no domain has yet. It may also be an overlay
 * that was left.
 *
 * snapfs looks for such images in the directories of the domain's files, before it merges into a
 * file or unlinks a file. It finds an image in another directory only if a domain has the image.
 */
#ifndef SNAPFS_MODEL_GRAPH_STRANGERS_H
#define SNAPFS_MODEL_GRAPH_STRANGERS_H

#include "base/mounts.h"
#include "model/graph/denied.h"
#include "model/graph/graph.h"

/* Adds images to the graph, as users with `found` set. Looks in the directories of the files that
 * `domain` uses (NULL: no domain), and of the unattached overlays. Does not look at files in the
 * graph, among them all that libvirt calls raw. Looks at another file only if it begins as an image
 * that can have a backing file. `unseen` gets a sentence on each directory with too many files,
 * `denied` the first file that may not be looked at. */
int strangers_add(struct graph *g, const struct mounts *mounts, const char *domain,
                  struct text *unseen, struct denied *denied, struct err *e);

#endif
