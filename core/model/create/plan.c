/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan.c - see create/plan.h. Pure. */
#include "model/create/plan.h"

#include <errno.h>
#include <string.h>

const struct xml_disk *plan_disk(const struct xml_domain *live, const char *name)
{
    const struct xml_disk *disk = xml_domain_disk(live, name);
    for (size_t i = 0; !disk && i < live->n_disks; i++) {
        const char *path = live->disks[i].source.path;
        if (path && !strcmp(path, name))
            disk = &live->disks[i];
    }
    return disk;
}

static struct xml_request_disk *entry_of(const struct xml_domain *live, struct xml_request *q,
                                         const struct xml_disk *disk)
{
    for (size_t i = 0; i < q->n_disks; i++)
        if (plan_disk(live, q->disks[i].name) == disk)
            return &q->disks[i];
    return NULL;
}

static int check_entries(const struct xml_domain *live, const struct xml_request *q, struct err *e)
{
    for (size_t i = 0; i < q->n_disks; i++) {
        const struct xml_disk *disk = plan_disk(live, q->disks[i].name);
        if (!disk)
            return err_fail(e, EINVAL, "the domain has no disk '%s'", q->disks[i].name);
        for (size_t k = 0; k < i; k++)
            if (plan_disk(live, q->disks[k].name) == disk)
                return err_fail(e, EINVAL, "disk '%s' is there twice", disk->target);
    }
    return 0;
}

/* Settles the memory. 'external' is the default kind with files of its own: with memory, if there
 * is any. If the domain runs and no memory is saved, only a disk-only snapshot can be made. */
static int settle_memory(struct wish *w, bool active, struct err *e)
{
    struct xml_request *q = &w->request;
    if (active ? q->memory == XML_NO : w->kind == WISH_EXTERNAL)
        w->flags |= VIRT_CREATE_DISK_ONLY;
    if (w->kind == WISH_EXTERNAL && active && !(w->flags & VIRT_CREATE_DISK_ONLY))
        q->memory = XML_EXTERNAL;
    if (!active && (q->memory == XML_EXTERNAL || q->memory == XML_INTERNAL))
        return err_fail(e, EINVAL, "the domain is shut off, so it has no memory to save");
    return 0;
}

/* Returns whether libvirt captures the disk by itself. */
static bool is_captured_by_libvirt(const struct xml_disk *disk)
{
    return !disk->readonly && disk->source.type[0] && strcmp(disk->device, "cdrom") != 0;
}

/* Returns whether the disk is a floppy. A user puts a floppy in for a while; it is not one of the
 * machine's own disks. */
static bool is_floppy(const struct xml_disk *disk)
{
    return !strcmp(disk->device, "floppy");
}

/* Returns how a disk is captured if the user asks for nothing. */
static int where_by_default(const struct xml_disk *disk, int otherwise)
{
    if (disk->snapshot && !strcmp(disk->snapshot, "external"))
        return XML_EXTERNAL;
    if (disk->snapshot && !strcmp(disk->snapshot, "internal"))
        return XML_INTERNAL;
    if (disk->snapshot || !is_captured_by_libvirt(disk))
        return XML_NO;
    return otherwise == XML_EXTERNAL && is_floppy(disk) ? XML_NO : otherwise;
}

static int where_of(const struct xml_disk *disk, const struct xml_request_disk *asked,
                    int otherwise)
{
    if (asked && asked->where != XML_UNSAID)
        return asked->where;
    if (asked && (asked->file || asked->driver || asked->foreign))
        return XML_EXTERNAL;
    return where_by_default(disk, otherwise);
}

/* Makes the request say so for the disk. */
static int settle_where(const struct xml_disk *disk, struct xml_request_disk *asked,
                        enum xml_where where, struct wish *w, struct err *e)
{
    if (where == XML_EXTERNAL && w->kind == WISH_INTERNAL)
        return err_fail(e, EINVAL, "disk '%s' would be external, but the words say 'internal'",
                        disk->target);
    if (!asked)
        asked = xml_request_add(&w->request, disk->target);
    if (!asked)
        return err_nomem(e);
    asked->where = where;
    return 0;
}

static int settle_disk(const struct xml_domain *live, const struct xml_disk *disk, int otherwise,
                       struct wish *w, struct plan *p, struct err *e)
{
    struct xml_request_disk *asked = entry_of(live, &w->request, disk);
    int where = where_of(disk, asked, otherwise);
    p->internal |= where == XML_INTERNAL;
    p->n_internal += where == XML_INTERNAL;
    p->external |= where == XML_EXTERNAL;
    if (where == XML_INTERNAL && (w->flags & VIRT_CREATE_DISK_ONLY))
        return err_fail(
            e, EINVAL,
            "disk '%s' would be internal in a disk-only snapshot: libvirt would list it and keep "
            "nothing",
            disk->target);
    bool left_out = where == XML_NO && is_floppy(disk) && is_captured_by_libvirt(disk);
    if (where != XML_EXTERNAL && !left_out)
        return 0;
    return settle_where(disk, asked, (enum xml_where)where, w, e);
}

int plan_make(const struct xml_domain *live, bool active, struct wish *w, struct plan *ret,
              struct err *e)
{
    struct plan p = {0};
    int r = check_entries(live, &w->request, e);
    if (r == 0)
        r = settle_memory(w, active, e);
    bool external = (w->flags & VIRT_CREATE_DISK_ONLY) || w->request.memory == XML_EXTERNAL;
    for (size_t i = 0; r == 0 && i < live->n_disks; i++)
        r = settle_disk(live, &live->disks[i], external ? XML_EXTERNAL : XML_INTERNAL, w, &p, e);
    if (r < 0)
        return r;
    if (p.external)
        w->flags |= VIRT_CREATE_ATOMIC;
    *ret = p;
    return 0;
}
