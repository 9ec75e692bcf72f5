/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.h - which files a chain may open, and the formats that libvirt gives them. */
#ifndef SNAPFS_MODEL_READER_POLICY_H
#define SNAPFS_MODEL_READER_POLICY_H

#include <sys/stat.h>

#include "image/source.h"
#include "model/catalog/domain.h"

struct mounts;

/* The slot for the files that libvirt's XML of a domain and of its snapshots names. snapfs gathers
 * them at the first request. The slot also has the mounts, as they were when the domain was
 * read. */
extern const struct slot_kind named_files_slot;

/* Says what a chain may open. For a domain these are files that libvirt names, files beside them,
 * volumes of pools, and files under a directory of the option allow=. */
struct allowance {
    const struct model *model;
    const struct domain *domain;     /* NULL: any file, except one in a mount of snapfs */
    const struct snapshot *snapshot; /* its XML comes first for formats; may be NULL */
    const char *memory;              /* the file of a saved memory that may be read; or NULL */
    const struct mounts *mounts;     /* the caller sets them if `domain` is NULL */
    bool anywhere;                   /* any file, as without a domain; formats as with a domain */
};

/* Finds a live disk of the domain that the guest writes to, and for whose file `is` returns true.
 * Returns its target, borrowed from the domain; NULL if there is none. `ctx` is passed to `is`. */
const char *policy_live_disk(const struct domain *d, bool (*is)(void *ctx, const struct stat *st),
                             void *ctx);

/* Returns the domain's XML, parsed, or NULL if it cannot be parsed. Borrowed from the domain. */
const struct xml_domain *policy_live(const struct domain *d);

/* Returns the mounts as they were when the domain was read; borrowed. */
const struct mounts *policy_mounts(const struct domain *d);

/* Makes the policy for every file of a chain. `a` must outlive the policy's use. */
struct image_policy policy_of(struct allowance *a);

#endif
