/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.c - see delete/check.h. No locks of its own: called under the domain's operation.
 *
 * A running domain must still have the disks that a snapshot to be deleted had.
 */
#include "model/delete/check.h"

#include <errno.h>

#include "model/change/guard.h"
#include "model/graph/mount_path.h"
#include "virt/xml.h"

/* Refuses if a clone uses this snapshot's image in a mount, or if a clone's path leads through the
 * snapshot's directory. */
static int refuse_clones(const struct survey *v, const struct domain *d, const struct snapshot *s,
                         struct err *e)
{
    for (size_t i = 0; i < graph_n_users(v->graph); i++) {
        const char *mount_path = graph_user(v->graph, i)->mount_path;
        if (!mount_path || !mount_path_uses(d, s, mount_path, survey_knows_domain(v, mount_path)))
            continue;
        autotext struct text who = {0};
        graph_describe(v->graph, i, &who);
        return err_fail(e, EBUSY,
                        "%s uses the image '%s' in a mount, whose path needs this snapshot%s",
                        who.failed ? "a clone" : who.s, mount_path,
                        graph_user(v->graph, i)->found
                            ? "; remove that image, or write 'force' to the 'delete' file"
                            : "; remove that disk, or free it of the snapshot with 'virsh "
                              "blockpull' or 'qemu-img rebase'");
    }
    return 0;
}

/* Returns whether the domain has all disks that the snapshot lists. libvirt 9.0 ends if a running
 * domain lacks one of them, even one that the snapshot left out, such as a CD-ROM. */
static bool is_attached(const struct survey *v, const struct snapshot *s)
{
    for (size_t i = 0; i < s->parsed->n_disks; i++)
        if (!xml_domain_disk(v->live, s->parsed->disks[i].target))
            return false;
    return true;
}

/* Returns whether the domain runs without the snapshot's disks, or with them on other files than
 * those that hold the tag. QEMU lets no other program change these. */
static bool is_elsewhere(const struct survey *v, const struct domain *d, const struct snapshot *s)
{
    if (d->active && !is_attached(v, s))
        return true;
    for (size_t i = 0; d->active && i < s->n_disks; i++) {
        const char *target = s->disks[i].target;
        int file = guard_top_file(v, survey_user(v, d, s, target));
        if (file != guard_top_file(v, survey_user(v, d, NULL, target)))
            return true;
    }
    return false;
}

static int delete_tags(const struct survey *v, const struct domain *d, const struct snapshot *s,
                       struct err *e)
{
    int r = guard_monitor(d, s, e);
    for (size_t i = 0; r == 0 && i < s->n_disks; i++) {
        int file = guard_top_file(v, survey_user(v, d, s, s->disks[i].target));
        r = file == GRAPH_NO_FILE
                ? err_fail(e, EBUSY, "disk '%s' of the snapshot is not a local file",
                           s->disks[i].target)
                : guard_tag_name(v, file, s, e);
    }
    return r;
}

int guard_delete(const struct survey *v, const struct domain *d, const struct snapshot *s,
                 bool metadata, bool *ret_native, struct err *e)
{
    *ret_native = !metadata && !guard_is_external(s) && !is_elsewhere(v, d, s);
    int r = guard_readable(d, e);
    if (r == 0)
        r = refuse_clones(v, d, s, e);
    return r == 0 && *ret_native ? delete_tags(v, d, s, e) : r;
}
