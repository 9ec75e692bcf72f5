/* SPDX-License-Identifier: GPL-3.0-or-later */
/* domain_build.h - builds the value `struct domain` from libvirt's answers. */
#ifndef SNAPFS_MODEL_CATALOG_DOMAIN_BUILD_H
#define SNAPFS_MODEL_CATALOG_DOMAIN_BUILD_H

#include "model/catalog/domain.h"
#include "model/journal/kept.h"
#include "virt/virt.h"

/* A snapshot is in by-name/ if the paths of its files below the domain's directory could be longer
 * than DOMAIN_PATH_MAX. A file's own name takes at most DOMAIN_ENTRY_ROOM bytes ("/vda.raw"). */
enum { DOMAIN_PATH_MAX = 2000, DOMAIN_ENTRY_ROOM = 64 };

struct domain_parts {
    const struct virt_domain *id;
    const struct virt_status *status;
    char *xml;                  /* taken over */
    struct snapshot_doc **docs; /* n of them; domain_build takes references of its own */
    size_t n, n_unreadable, n_listed;
    uint64_t stamp;
    struct volumes *volumes; /* taken over */
    struct kept *kept;       /* may be NULL; domain_build takes a reference of its own */
    const char *current;     /* name or NULL */
    bool forgets_alone;      /* of its libvirt, CAN_FORGET_ALONE */
    bool flat;               /* every snapshot's real directory is in by-name/ */
    const struct slot_kind *const *slots; /* DOMAIN_SLOTS of them; NULL: the domain has none */
};

/* Identifies one disk of a snapshot. Fills in `no` and `reason`. `ident` gets the hash of the
 * file's content (image_id_hash). `state` gets the part that lasts (image_id_lasting). domain_build
 * then makes the final `ident` and `number` from them. */
typedef int (*domain_identify_fn)(void *ctx, const struct snapshot *s, struct snapshot_disk *disk,
                                  struct err *e);

/* Builds the tree: parents, children, paths, identities. If a snapshot's parent is missing or
 * circular, the snapshot is a root. -ENOMEM is the only failure. On failure the parts stay with the
 * caller. */
int domain_build(struct domain_parts *parts, domain_identify_fn identify, void *ctx,
                 struct domain **ret, struct err *e);

#endif
