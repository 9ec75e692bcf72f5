/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan.h - the plan for a wish for a snapshot (create/words.h) of the present domain. It says which
 * disks libvirt would capture, and how, by libvirt's rules for the alignment of disks. Pure. */
#ifndef SNAPFS_MODEL_CREATE_PLAN_H
#define SNAPFS_MODEL_CREATE_PLAN_H

#include "model/create/words.h"

struct plan {
    bool internal;       /* some disk's snapshot is in its own image */
    unsigned n_internal; /* number of such disks */
    bool external;       /* some disk gets an overlay */
};

/* Settles `w` for a domain with these disks: flags that follow, memory, and an entry for each disk
 * that gets an overlay, whose file may still be open. EINVAL in three cases:
 *
 *   - the domain does not have a disk;
 *   - there is memory of a domain that is shut off;
 *   - libvirt would report success without doing it: a disk-only snapshot with an internal disk.
 */
int plan_make(const struct xml_domain *live, bool active, struct wish *w, struct plan *ret,
              struct err *e);

/* Returns the domain's disk that an entry of a request names, NULL for none. */
const struct xml_disk *plan_disk(const struct xml_domain *live, const char *name);

#endif
