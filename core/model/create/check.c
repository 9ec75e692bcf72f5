/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.c - see create/check.h. No locks of its own: called under the domain's operation. */
#include "model/create/check.h"

#include <errno.h>
#include <string.h>

#include "base/name.h"
#include "model/catalog/capability.h"
#include "model/change/guard.h"
#include "virt/xml.h"

/* Returns whether libvirt can make an internal snapshot. It can only if every disk that is written
 * to is qcow2. */
static bool makes_internal(const struct xml_domain *live)
{
    for (size_t i = 0; i < live->n_disks; i++) {
        const struct xml_disk *disk = &live->disks[i];
        if (disk->snapshot && !strcmp(disk->snapshot, "external"))
            return false;
        bool written = !disk->readonly && *disk->source.type && strcmp(disk->device, "cdrom") != 0;
        if (written && (!disk->source.format || strcmp(disk->source.format, "qcow2") != 0))
            return false;
    }
    return true;
}

static int check_new_tag(const struct survey *v, const struct domain *d, const char *name,
                         struct err *e)
{
    for (size_t i = 0; i < graph_n_users(v->graph); i++) {
        const struct graph_user *u = graph_user(v->graph, i);
        if (!u->tag || (strcmp(u->tag, name) != 0 && (!u->tag_id || strcmp(u->tag_id, name) != 0)))
            continue;
        int file = graph_chain(v->graph, i, 0);
        if (survey_is_live(v, d, file))
            return err_fail(e, EEXIST, "'%s' already holds a tag with the name or id '%s'",
                            graph_file_path(v->graph, file), name);
    }
    return 0;
}

static int check_job_name(const struct model *m, const struct domain *d, const char *name,
                          struct err *e)
{
    if (!d->active || model_can(m, CAN_NAME_FREELY) || name_is_plain(name))
        return 0;
    return err_fail(
        e, EINVAL,
        "cannot use the name '%s': this libvirt takes only letters, digits, '.', '_' and '-' for "
        "an internal snapshot of a running domain",
        name);
}

int guard_create(struct model *m, const struct survey *v, const struct domain *d, const char *name,
                 const struct plan *p, struct err *e)
{
    int r = 0;
    if (p->internal && makes_internal(v->live))
        r = check_job_name(m, d, name, e);
    if (r == 0 && p->external)
        r = guard_saved(m, d, "on the file that the new snapshot has by then", e);
    return r < 0 ? r : check_new_tag(v, d, name, e);
}
