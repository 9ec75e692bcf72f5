/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view.h - the present objects of the model at a place, held while they are in use. */
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
    const struct snapshot *snapshot;  /* of `domain`, or a tag of it; NULL if the place has none */
    const struct snapshot_disk *disk; /* PLACE_IMAGE, PLACE_TAG_IMAGE */
    const struct row *row;            /* PLACE_FILE */
    uint64_t fresh_until;             /* CLOCK_MONOTONIC, ns: attributes stay valid until then */
};

/* Makes a view. ESTALE if the place's object is gone. The root never asks libvirt. */
int tree_view(struct tree *t, const struct place *p, struct view *ret, struct err *e);
/* Does the same for a place that had this st_ino. It succeeds even if an operation by snapfs has
 * given the object another ident since. */
int tree_view_moved(struct tree *t, const struct place *p, uint64_t ino, struct view *ret,
                    struct err *e);
/* Makes a view in a domain that the caller holds; the view takes its own reference. A place in a
 * tag's directory is found only after model_tags. */
int tree_view_in(struct domain *d, const struct place *p, struct view *ret, struct err *e);
/* Returns the view's st_ino. It is the same in all mounts, even if the same bytes are now in
 * another file. */
uint64_t view_ino(const struct view *v);
/* Checks that the file is still the edition of the place. ESTALE if it is a newer one. */
int tree_edition(const struct tree *t, const struct place *p, struct err *e);
void view_drop(struct view *v);
#define autoview __attribute__((cleanup(view_drop)))

#endif
