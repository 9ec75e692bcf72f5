/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view.h - what is at a place now: the objects of the model that it names, held while looked at. */
#ifndef SNAPFS_NODE_VIEW_H
#define SNAPFS_NODE_VIEW_H

#include <stdint.h>

#include "base/error.h"
#include "model/model.h"
#include "node/place.h"
#include "node/rows.h"

struct tree;

struct view {
    struct place place;
    struct domain *domain;            /* NULL for the root */
    const struct snapshot *snapshot;  /* of `domain`, or a tag of it; NULL where none belongs */
    const struct snapshot_disk *disk; /* PLACE_IMAGE, PLACE_TAG_IMAGE */
    const struct row *row;            /* PLACE_FILE */
    uint64_t fresh_until;             /* CLOCK_MONOTONIC, ns: how long attributes may be kept */
};

/* ESTALE when what the place names is gone. The root never asks libvirt. */
int tree_view(struct tree *t, const struct place *p, struct view *ret, struct err *e);
/* The same for a place that had this st_ino, also if an operation made here has given it another
 * ident since. */
int tree_view_moved(struct tree *t, const struct place *p, uint64_t ino, struct view *ret,
                    struct err *e);
/* tree_view in a domain that the caller holds; the view takes its own reference. A place in a tag's
 * directory is found only after model_tags. */
int tree_view_in(struct domain *d, const struct place *p, struct view *ret, struct err *e);
/* Its st_ino: stable over mounts, also when the same bytes have come to stand in another file. */
uint64_t view_ino(const struct view *v);
/* Is the file the one that it was when the place was found? ESTALE once it has begun anew. */
int tree_edition(const struct tree *t, const struct place *p, struct err *e);
void view_drop(struct view *v);
#define autoview __attribute__((cleanup(view_drop)))

#endif
