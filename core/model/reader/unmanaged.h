/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unmanaged.h - the tags of a domain's files that libvirt does not know, as if each name of one
 * were a snapshot.
 *
 * Nothing is read before it is asked for; then it is remembered with the domain's value.
 */
#ifndef SNAPFS_MODEL_READER_UNMANAGED_H
#define SNAPFS_MODEL_READER_UNMANAGED_H

#include "model/catalog/domain.h"
#include "model/catalog/tag_dirs.h"

enum {
    UNMANAGED_MAX = 4096,     /* images of tags that are shown of one domain */
    UNMANAGED_NAME_MAX = 1024 /* bytes in a name that is shown; QEMU makes 255 at most */
};

struct tag_list {
    size_t n;
    /* Of these only stray, name, coded, ident, disks and their numbers are set. Sorted by coded. */
    struct snapshot *tags;
    size_t n_left_out; /* past the limits */
};

/* The list, owned by `d`. Files of which no table can be read count as without tags. Where
 * libvirt's files are not ours to see it is empty. */
int model_tags(struct model *m, struct domain *d, const struct tag_list **ret, struct err *e);

/* What model_tags found out before; NULL when nobody asked. */
const struct tag_list *domain_tags(const struct domain *d);

const struct snapshot *tags_find_coded(const struct tag_list *l, const char *coded);
const struct snapshot *tags_find_ident(const struct tag_list *l, uint64_t ident);

/* Inside core/model: the place in a domain for what is found out, and the probes of its images. */
extern const struct slot_kind unmanaged_slot;
struct probes *unmanaged_probes(const struct domain *d);

#endif
