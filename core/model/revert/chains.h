/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chains.h - the chains that a revert writes into the domain's XML (backing.h). If the XML gives a
 * chain for a disk, the revert writes the chain that was found to count. For all other disks
 * libvirt finds the chain itself. */
#ifndef SNAPFS_MODEL_REVERT_CHAINS_H
#define SNAPFS_MODEL_REVERT_CHAINS_H

#include "model/revert/overlays_plan.h"

struct revert_chains {
    struct xml_chain *items; /* n of them; they borrow from `layers` */
    struct image_layer **layers;
    size_t *n_layers, n;
};

/* Finds the chains. A disk that gets a new overlay is on the file with the snapshot's bytes, and on
 * the chain that counts below it. A disk that goes on as it is keeps the domain's present chain.
 * If paths and formats alone do not describe the layers of a chain, it fails with EOPNOTSUPP. If a
 * chain has a fault, it fails with another errno. */
int revert_chains_find(const struct domain *d, const struct snapshot *s, const struct revert *rv,
                       struct revert_chains *ret, struct err *e);
void revert_chains_drop(struct revert_chains *c);

/* Checks the chains in the snapshot's XML, because libvirt's own revert takes these as they are. If
 * a chain leaves out a file that counts, it fails with EBUSY. libvirt 9.0 leaves such a chain after
 * a delete of metadata alone. */
int revert_chains_check(const struct domain *d, const struct snapshot *s, struct err *e);

#define autochains __attribute__((cleanup(revert_chains_drop)))

#endif
