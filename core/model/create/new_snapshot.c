/* SPDX-License-Identifier: GPL-3.0-or-later */
/* new_snapshot.c - see new_snapshot.h. No locks of its own: called under the domain's operation. */
#include "model/create/new_snapshot.h"

#include <errno.h>
#include <string.h>

#include "model/change/procedures.h"
#include "model/state.h"
#include "model/storage/volumes.h"
#include "virt/change.h"
#include "virt/xml_listing.h"

/* ---- the document by which libvirt can list it ---- */

static bool is_disk_only(const struct wish *w)
{
    return w->flags & VIRT_CREATE_DISK_ONLY;
}

static int read_documents(const struct operation *t, char **domain, char **config, struct err *e)
{
    struct virt *v = t->m->virt;
    const struct domain *d = t->domain;
    if (!d->active)
        return virt_domain_secure_config(v, d->uuid, domain, e);
    int r = virt_domain_secure_xml(v, d->uuid, domain, e);
    return r == 0 && d->persistent ? virt_domain_secure_config(v, d->uuid, config, e) : r;
}

static int write_listing(struct new_snapshot *ns, const struct operation *t, const struct wish *w,
                         struct err *e)
{
    autofree char *domain = NULL, *config = NULL;
    int r = read_documents(t, &domain, &config, e);
    struct xml_listing l = {
        .request = ns->request,
        .domain = domain,
        .config = config,
        .parent = *ns->parent ? ns->parent : NULL,
        .state = t->domain->state,
        .active = ns->active,
        .disk_only = is_disk_only(w),
        .created = time(NULL),
    };
    return r < 0 ? r : xml_listing_write(&l, &ns->listing, e);
}

/* ---- its files ---- */

static bool was_there(const struct new_files *t, const char *path)
{
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->items[i].path, path))
            return t->items[i].there;
    return true;
}

static const struct field_list overlays = {offsetof(struct new_snapshot, overlays),
                                           offsetof(struct new_snapshot, n_overlays),
                                           sizeof(struct new_overlay)};

static int add_overlay(struct new_snapshot *ns, const struct domain *d, const struct xml_disk *disk,
                       const struct xml_request_disk *asked, struct err *e)
{
    const char *from = volumes_file(d->volumes, &disk->source);
    struct new_overlay *o = fields_add(&overlays, ns);
    if (!o)
        return err_nomem(e);
    *o = (struct new_overlay){.target = strdup(disk->target),
                              .from = strdup(from ? from : ""),
                              .path = strdup(asked->file),
                              .format = strdup(asked->driver ? asked->driver : "qcow2"),
                              .there = was_there(ns->new_files, asked->file)};
    return o->target && o->from && o->path && o->format ? 0 : err_nomem(e);
}

static int add_overlays(struct new_snapshot *ns, const struct domain *d,
                        const struct xml_request *q, struct err *e)
{
    struct xml_domain *live autodestroy(xml_domain_free) = NULL;
    int r = xml_domain_parse(d->xml, &live, e);
    for (size_t i = 0; r == 0 && i < q->n_disks; i++) {
        const struct xml_request_disk *asked = &q->disks[i];
        const struct xml_disk *disk = plan_disk(live, asked->name);
        if (disk && asked->where == XML_EXTERNAL && asked->file)
            r = add_overlay(ns, d, disk, asked, e);
    }
    return r;
}

/* ---- the plan ---- */

static int copy_texts(struct new_snapshot *ns, const struct operation *t, const struct wish *w,
                      struct err *e)
{
    const struct xml_request *q = &w->request;
    bool file = q->memory == XML_EXTERNAL && q->memory_file;
    ns->parent = procedure_current(t->domain);
    ns->memory = strdup(file ? q->memory_file : "");
    ns->listing = ns->listed ? NULL : strdup("");
    return ns->parent && ns->memory && (ns->listed || ns->listing) ? 0 : err_nomem(e);
}

/* Fills in the plan. The domains of the test driver have no files, and no operation on them
 * outlives this process. */
int new_snapshot_plan(struct new_snapshot *ns, const struct operation *t, const struct wish *w,
                      const struct plan *p, const struct new_files *new_files, const char *request,
                      struct err *e)
{
    ns->before = t->domain;
    ns->request = request;
    ns->new_files = new_files;
    ns->flags = w->flags;
    ns->active = t->domain->active;
    ns->running = !strcmp(t->domain->state, "running");
    ns->saves = w->request.memory == XML_EXTERNAL && ns->active;
    ns->listed = t->journal && !(w->flags & VIRT_CREATE_NO_METADATA);
    ns->halt = w->flags & VIRT_CREATE_HALT;
    ns->quiesce = (w->flags & WISH_QUIESCE) && ns->active;
    ns->tags = p->n_internal;
    int r = procedure_begin(&ns->p, t->m, t->journal, t->domain, w->request.name, ns->p.remark, e);
    if (r == 0)
        r = copy_texts(ns, t, w, e);
    if (r == 0)
        r = add_overlays(ns, t->domain, &w->request, e);
    return r == 0 && ns->listed ? write_listing(ns, t, w, e) : r;
}

/* ---- in the journal ---- */

#define ROW(word, type, member) FIELD_ROW(word, type, new_snapshot, member)
#define OVERLAY(type, member) FIELD_ITEM("overlay", type, new_overlay, member, &overlays)

const struct field new_snapshot_rows[NEW_SNAPSHOT_ROWS] = {
    ROW("parent", FIELD_TEXT, parent), ROW("listing", FIELD_TEXT, listing),
    ROW("state", FIELD_BOOL, active),  ROW("state", FIELD_BOOL, running),
    ROW("state", FIELD_BOOL, listed),  ROW("state", FIELD_BOOL, halt),
    ROW("state", FIELD_BOOL, quiesce), ROW("state", FIELD_UNSIGNED, tags),
    ROW("memory", FIELD_TEXT, memory), OVERLAY(FIELD_TEXT, target),
    OVERLAY(FIELD_TEXT, from),         OVERLAY(FIELD_TEXT, path),
    OVERLAY(FIELD_TEXT, format),       OVERLAY(FIELD_BOOL, there),
};
