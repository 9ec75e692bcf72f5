/* SPDX-License-Identifier: GPL-3.0-or-later */
/* procedures.c - see procedures.h. No locks of its own: called under the domain's operation. */
#include "model/change/procedures.h"

#include <errno.h>
#include <string.h>

#include "model/catalog/catalog.h"
#include "model/change/outliving.h"
#include "model/reader/policy.h"
#include "model/state.h"
#include "model/storage/volumes.h"

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

/* ---- looking ---- */

static bool has_disk(const struct domain *d, const char *path)
{
    const struct xml_domain *live = policy_live(d);
    bool has = false;
    for (size_t i = 0; !has && live && i < live->n_disks; i++) {
        const char *file = volumes_file(d->volumes, &live->disks[i].source);
        has = file && !strcmp(file, path);
    }
    for (size_t i = 0; !has && i < d->n; i++)
        for (size_t k = 0; !has && k < d->all[i].n_disks; k++)
            has = d->all[i].disks[k].path && !strcmp(d->all[i].disks[k].path, path);
    return has;
}

/* Returns whether the path is a file of the domain, or one that the procedure makes. */
static bool is_of_procedure(const void *ctx, const char *path)
{
    const struct procedure *p = ctx;
    return fields_have(&p->kind->fields, p, path) || (p->now && has_disk(p->now, path));
}

/* Reads the domain. If libvirt was killed, a program that libvirt started may still be at work. The
 * function then waits for that program's end. */
int procedure_look(struct procedure *p, struct err *e)
{
    struct err why;
    domain_unref(take(p->now));
    int r = model_domain_now(p->m, p->uuid, &p->now, e);
    if (!p->lost || (r < 0 && r != -ENOENT))
        return r;
    if (outliving_wait(is_of_procedure, p, &why) < 0)
        return err_fail(e, why.no, "%s", why.text);
    p->lost = false;
    return r;
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
