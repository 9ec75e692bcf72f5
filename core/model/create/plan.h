/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan.h - what a wish for a snapshot (create/words.h) comes to on a domain as it is: which of its
 * disks libvirt would capture and how, by libvirt's rules of aligning them. Pure.
 */
#ifndef SNAPFS_MODEL_CREATE_PLAN_H
#define SNAPFS_MODEL_CREATE_PLAN_H

#include "model/create/words.h"

struct plan {
    bool internal;       /* some disk's snapshot stands in its own image, */
    unsigned n_internal; /* as those of so many do */
    bool external;       /* some disk gets an overlay */
};

/* Settles `w` for a domain with these disks: flags that follow, memory, and an entry for each disk
 * that gets an overlay, whose file may still be open. EINVAL: a disk that the domain does not have,
 * memory of a domain that is shut off, and what libvirt would take for done without doing it: a
 * disk-only snapshot with an internal disk. */
int plan_make(const struct xml_domain *live, bool active, struct wish *w, struct plan *ret,
              struct err *e);

/* The domain's disk that an entry of a request names, NULL for none. */
const struct xml_disk *plan_disk(const struct xml_domain *live, const char *name);

#endif
