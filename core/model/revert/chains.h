/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chains.h - the chains that a revert writes into the domain's XML (backing.h): of each disk of
 * which the XML says one, that which was found to count. Of all others libvirt finds it out itself.
 */
#ifndef SNAPFS_MODEL_REVERT_CHAINS_H
#define SNAPFS_MODEL_REVERT_CHAINS_H

#include "model/revert/overlays_plan.h"

struct revert_chains {
    struct xml_chain *items; /* n of them; they borrow from */
    struct image_layer **layers;
    size_t *n_layers, n;
};

/* A disk that gets a new overlay is on the snapshot's content and what counts below that; one that
 * goes on as it is has the domain's own chain of now. EOPNOTSUPP: a chain that can only be written
 * with more than paths and formats; else what is wrong with one. */
int revert_chains_find(const struct domain *d, const struct snapshot *s, const struct revert *rv,
                       struct revert_chains *ret, struct err *e);
void revert_chains_drop(struct revert_chains *c);

/* libvirt's own revert takes the chains in the snapshot's XML as they are. EBUSY: a file that counts
 * is left out of one, as after a delete of metadata alone by libvirt 9.0. */
int revert_chains_check(const struct domain *d, const struct snapshot *s, struct err *e);

#define autochains __attribute__((cleanup(revert_chains_drop)))

#endif
