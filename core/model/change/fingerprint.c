/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fingerprint.c - see change/fingerprint.h. */
#include "model/change/fingerprint.h"

#include <string.h>

#include "base/hash.h"
#include "virt/xml.h"

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

/* Adds the hashes up, because a sum does not depend on the order. */
int fingerprint_config(const char *xml, uint64_t *ret, struct err *e)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    int r = xml_domain_parse(xml, &x, e);
    if (r < 0)
        return r;
    uint64_t sum = 0;
    for (size_t i = 0; i < x->n_disks; i++) {
        const struct xml_source *s = &x->disks[i].source;
        uint64_t h = hash_str(hash_str(HASH_START, x->disks[i].target), s->type);
        h = hash_str(hash_str(h, or_empty(s->path)), or_empty(s->pool));
        sum += hash_end(hash_str(h, or_empty(s->volume)));
    }
    *ret = sum;
    return 0;
}

uint64_t fingerprint_snapshots(const struct domain *d)
{
    uint64_t sum = d->n_unreadable;
    for (size_t i = 0; i < d->n; i++) {
        const struct snapshot *s = &d->all[i];
        uint64_t h = hash_u64(hash_str(HASH_START, s->name), (uint64_t)s->parsed->created);
        sum += hash_end(hash_str(h, s->parent ? s->parent->name : ""));
    }
    return sum;
}
