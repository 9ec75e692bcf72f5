/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.h - which files a chain may open, and the formats that libvirt gives them. */
#ifndef SNAPFS_MODEL_READER_POLICY_H
#define SNAPFS_MODEL_READER_POLICY_H

#include "image/image.h"
#include "model/catalog/domain.h"

struct mounts;

/* The files that libvirt's XML of a domain and of its snapshots names, gathered when first asked
 * for, and the mounts as they were then. */
extern const struct slot_kind named_files_slot;

/* Who opens a chain: a domain's files may be those that libvirt names, files beside those,
 * volumes of pools, and those under a directory of the option allow=. */
struct allowance {
    const struct model *model;
    const struct domain *domain;     /* NULL: any file, but for one in a mount of snapfs */
    const struct snapshot *snapshot; /* whose XML is asked first for formats; may be NULL */
    const char *memory;              /* the file of a saved memory that may be read; or NULL */
    const struct mounts *mounts;     /* given with no domain, else set */
    bool anywhere;                   /* any file, as with no domain; but formats as with one */
};

/* The target of the live disk of the domain whose file is that one, which the guest writes to; NULL
 * for none. `ctx` as below; borrowed from the domain. */
const char *policy_live_disk(const struct domain *d, bool (*is)(void *ctx, const struct stat *st),
                             void *ctx);

/* The domain's XML, parsed; NULL: it cannot be. Borrowed from the domain. */
const struct xml_domain *policy_live(const struct domain *d);

/* The mounts as they were when the domain was read; borrowed. */
const struct mounts *policy_mounts(const struct domain *d);

/* The policy for every file of a chain. `a` must outlive the policy's use. */
struct image_policy policy_of(struct allowance *a);

#endif
