/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guard.c - see change/guard.h. No locks of its own: called under the domain's operation. */
#include "model/change/guard.h"

#include <errno.h>
#include <string.h>

#include "base/name.h"
#include "model/state.h"
#include "virt/shared.h"
#include "virt/xml.h"

int guard_tag_name(const struct survey *v, int file, const struct snapshot *s, struct err *e)
{
    unsigned named = 0;
    for (size_t i = 0; i < graph_n_users(v->graph); i++) {
        const struct graph_user *u = graph_user(v->graph, i);
        if (!u->tag || !u->tag_id || u->again || graph_chain(v->graph, i, 0) != file)
            continue;
        bool own_name = !strcmp(u->tag, s->name);
        if (!strcmp(u->tag_id, s->name) && !own_name)
            return err_fail(e, EBUSY,
                            "QEMU would take '%s' for the id of tag '%s' in '%s', not for the name",
                            s->name, u->tag, graph_file_path(v->graph, file));
        named += own_name;
    }
    if (named > 1)
        return err_fail(e, EBUSY, "'%s' holds %u tags named '%s'; QEMU would take the first",
                        graph_file_path(v->graph, file), named, s->name);
    return 0;
}

int guard_top_file(const struct survey *v, int user)
{
    return user < 0 ? GRAPH_NO_FILE : graph_chain(v->graph, (size_t)user, 0);
}

bool guard_is_external(const struct snapshot *s)
{
    bool external = s->parsed->memory == XML_EXTERNAL;
    for (size_t i = 0; i < s->n_disks; i++)
        external |= !s->disks[i].tag;
    return external;
}

/* Asks only about an internal snapshot of a running domain: libvirt names it through QEMU's
 * monitor. */
int guard_monitor(const struct domain *d, const struct snapshot *s, struct err *e)
{
    if (!d->active || guard_is_external(s) || !name_is_mangled(s->name))
        return 0;
    return err_fail(e, EBUSY,
                    "QEMU's monitor would take '%s' for another name; shut the domain off first",
                    s->name);
}

/* Refuses if a snapshot cannot be read, because then the users of its files are not known. */
int guard_readable(const struct domain *d, struct err *e)
{
    if (!d->n_unreadable)
        return 0;
    return err_fail(e, EBUSY, "the XML of %zu snapshots of domain '%s' cannot be read",
                    d->n_unreadable, d->name);
}

/* Refuses a saved state. It would be resumed later, on the files and with the contents it was saved
 * with. */
int guard_saved(struct model *m, const struct domain *d, const char *what, struct err *e)
{
    struct virt_status status;
    int r = virt_domain_status(m->virt, d->uuid, false, &status, e);
    if (r < 0 || !status.managed_save)
        return r;
    return err_fail(e, EBUSY,
                    "the domain has a saved state that a later start would resume %s; start the "
                    "domain, or remove it with 'virsh managedsave-remove'",
                    what);
}

int guard_overlays(const struct model *m, struct err *e)
{
    if (!virt_is_anothers(m->virt))
        return 0;
    return err_fail(
        e, EACCES,
        "libvirt would make the new files as its own user, and this user could neither read nor "
        "remove them; nothing was done; use a mount by root");
}
