/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seen_chain.c - see seen_chain.h. No locks. */
#include "model/catalog/seen_chain.h"

#include <string.h>

#include "model/journal/kept.h"
#include "model/journal/keep_later.h"
#include "model/state.h"
#include "virt/xml.h"

#define KIND "chain"

static void note_disk(struct model *m, const struct domain *d, const struct xml_disk *disk)
{
    for (size_t i = 0; i < disk->n_backing; i++) {
        const struct xml_source *s = &disk->backing[i];
        if (s->path && s->path[0] == '/')
            keep_later(m->keep_later, d->uuid, KIND, s->path, s->format ? s->format : "");
    }
}

void seen_chain_note(struct model *m, const struct domain *d, const struct domain *before)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    struct err ignored;
    bool same = before && before->active && !strcmp(before->xml, d->xml);
    if (!d->active || same || !strstr(d->xml, "<backingStore") ||
        xml_domain_parse(d->xml, &x, &ignored) < 0)
        return;
    for (size_t i = 0; i < x->n_disks; i++)
        note_disk(m, d, &x->disks[i]);
}

void seen_chain_each(const struct domain *d,
                     void (*each)(void *ctx, const char *path, const char *format), void *ctx)
{
    kept_each(d->kept, KIND, each, ctx);
}
