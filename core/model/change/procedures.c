/* SPDX-License-Identifier: GPL-3.0-or-later */
/* procedures.c - see procedures.h. No locks of its own: called under the domain's operation. */
#include "model/change/procedures.h"

#include <string.h>

#include "model/catalog/catalog.h"

int procedure_begin(struct procedure *p, struct model *m, struct journal *j, const struct domain *d,
                    const char *snapshot, struct text *remark, struct err *e)
{
    p->m = m;
    p->j = j;
    p->uuid = d->uuid;
    p->remark = remark;
    p->uri = strdup(virt_uri(m->virt));
    p->snapshot = strdup(snapshot);
    return p->uri && p->snapshot ? 0 : err_nomem(e);
}

int procedure_look(struct procedure *p, struct err *e)
{
    domain_unref(take(p->now));
    return model_domain_now(p->m, p->uuid, &p->now, e);
}

void procedure_drop_now(struct procedure *p)
{
    domain_unref(p->now);
}

static const char *current(const struct domain *d)
{
    return d->current ? d->current->name : "";
}

bool procedure_is_current(const struct procedure *p, const char *name)
{
    return !strcmp(current(p->now), name);
}

char *procedure_current(const struct domain *d)
{
    return strdup(current(d));
}

bool procedure_is_on(const struct xml_domain *x, const char *target, const char *path)
{
    const struct xml_disk *disk = x ? xml_domain_disk(x, target) : NULL;
    return disk && disk->source.path && !strcmp(disk->source.path, path);
}
