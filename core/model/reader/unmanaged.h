/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unmanaged.h - the tags of a domain's files that libvirt does not know, as if each name of one
 * were a snapshot.
 *
 * snapfs reads them at the first request, then remembers them with the domain's value.
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
    /* Only untracked_tag, name, coded, ident, disks and their numbers are set. Sorted by coded. */
    struct snapshot *tags;
    size_t n_left_out; /* past the limits */
};

/* Returns the list, owned by `d`. If no table of a file can be read, the file counts as without
 * tags. If snapfs cannot see libvirt's files, the list is empty. */
int model_tags(struct model *m, struct domain *d, const struct tag_list **ret, struct err *e);

/* Returns what model_tags found out before, or NULL if it was not called. */
const struct tag_list *domain_tags(const struct domain *d);

const struct snapshot *tags_find_coded(const struct tag_list *l, const char *coded);
const struct snapshot *tags_find_ident(const struct tag_list *l, uint64_t ident);

/* Inside core/model: the slot of a domain for what is found out, and the probes of its images. */
extern const struct slot_kind unmanaged_slot;
struct probes *unmanaged_probes(const struct domain *d);

#endif
