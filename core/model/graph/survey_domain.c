/* SPDX-License-Identifier: GPL-3.0-or-later */
/* survey_domain.c - see survey_domain.h. No locks of its own; one thread. */
#include "model/graph/survey_domain.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "image/id.h"
#include "model/catalog/tag_tables.h"
#include "model/graph/left_files.h"
#include "model/graph/told.h"
#include "model/state.h"
#include "model/storage/backing.h"
#include "model/storage/volumes.h"

static int add_user(struct surveyor *v, struct graph_user *u, const char *path, const char *format,
                    struct err *e)
{
    struct cached_chain t = {0};
    int r = surveyor_chain(v, u, path, format, &t, e);
    if (r < 0)
        return r;
    return graph_add(v->graph, u, t.chain, t.n) ? 0 : err_nomem(e);
}

/* Adds the user with the chain that counts. If the chains of the headers and of the XML are others,
 * adds it with these too: a file that may be read from has to stay. */
static int add_told(struct surveyor *v, const struct graph_user *u, const struct backing *b,
                    const struct cached_chain *headers, struct err *e)
{
    struct graph_user told = *u, again = *u;
    again.again = true;
    struct image_layer *layers;
    size_t n, n_named = 0;
    struct cached_chain t;
    autofree int *chain = surveyor_walk(v, &b->source, &t, &layers, &n);
    image_layers_free(layers, n);
    if (!v->mount_path)
        v->mount_path = told_mount_path(v->mounts, &b->source);
    told.incomplete = t.incomplete;
    told.may_continue = t.may_continue && !v->mount_path;
    told.mount_path = v->mount_path;
    bool ok = chain && graph_add(v->graph, &told, t.chain, t.n);
    if (ok && !told_begins(&t, headers->chain, headers->n))
        ok = graph_add(v->graph, &again, headers->chain, headers->n);
    autofree int *named = ok ? told_there(v->graph, v->mounts, &b->source, &n_named) : NULL;
    if (named && !told_has(&t, named, n_named))
        ok = graph_add(v->graph, &again, named, n_named);
    return ok && named ? 0 : err_nomem(e);
}

/* Returns the format. If a disk has no format, libvirt treats the disk as raw. */
static const char *format_or_raw(const char *format)
{
    return format ? format : "raw";
}

/* Adds a user with the chain that the user's XML gives for a disk. */
static int add_disk_user(struct surveyor *v, struct graph_user *u, const struct domain *d,
                         const struct xml_disk *disk, struct err *e)
{
    autobacking struct backing b = {0};
    struct cached_chain t = {0};
    int r = backing_of(d->volumes, disk, &b, e);
    b.source.format = format_or_raw(b.source.format);
    struct stat ignored;
    bool here = b.source.path && !image_remote_stat(b.source.path, &ignored);
    if (r == 0 && here)
        r = surveyor_chain(v, u, b.source.path, b.source.format, &t, e);
    if (r < 0 || (!here && !b.source.n_below))
        return r; /* snapfs changes no file on another host */
    if (!told_agrees(&t, &b.source))
        return add_told(v, u, &b, &t, e);
    return graph_add(v->graph, u, t.chain, t.n) ? 0 : err_nomem(e);
}

/* Adds a user that may use any file. */
static int add_unknown(struct surveyor *v, struct graph_user *u, struct err *e)
{
    u->may_continue = true;
    return graph_add(v->graph, u, NULL, 0) ? 0 : err_nomem(e);
}

/* Adds the user of a disk. If libvirt gives no path for the disk's volume, the user may use any
 * file. */
static int add_source(struct surveyor *v, struct graph_user *u, const struct domain *d,
                      const struct xml_disk *disk, struct err *e)
{
    const struct xml_source *s = &disk->source;
    u->volume = s->volume;
    return volumes_knows(d->volumes, s) ? add_disk_user(v, u, d, disk, e) : add_unknown(v, u, e);
}

static bool note_source(struct surveyor *v, const struct domain *d, const struct xml_source *s)
{
    return names_add(v->names, s->path ? s->path : volumes_path(d->volumes, s));
}

static int note_disk(struct surveyor *v, const struct domain *d, const struct xml_disk *disk,
                     struct err *e)
{
    bool ok = note_source(v, d, &disk->source);
    for (size_t i = 0; ok && i < disk->n_backing; i++)
        ok = note_source(v, d, &disk->backing[i]);
    return ok && note_source(v, d, &disk->mirror) ? 0 : err_nomem(e);
}

static int add_disks(struct surveyor *v, const struct domain *d, const struct xml_domain *x,
                     struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < x->n_disks; i++) {
        const struct xml_source *mirror = &x->disks[i].mirror;
        struct graph_user u = {.domain = d->name, .target = x->disks[i].target};
        r = note_disk(v, d, &x->disks[i], e);
        if (r == 0)
            r = add_source(v, &u, d, &x->disks[i], e);
        u.volume = false;
        if (r == 0 && mirror->path)
            r = add_user(v, &u, mirror->path, format_or_raw(mirror->format), e);
    }
    return r;
}

/* Adds the disks that a running domain will have at its next start. */
static int add_config(struct surveyor *v, const struct domain *d, struct err *e)
{
    autofree char *xml = NULL;
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    if (!d->active || !d->persistent)
        return 0;
    int r = virt_domain_xml(v->m->virt, d->uuid, true, &xml, e);
    if (r == 0)
        r = xml_domain_parse(xml, &x, e);
    if (r == -ENOENT)
        return 0; /* the domain has gone meanwhile */
    return r < 0 ? r : add_disks(v, d, x, e);
}

/* Returns the id of the tag of that name, or NULL if there is none. */
static const char *tag_id(struct surveyor *v, const struct snapshot_disk *disk)
{
    const struct image_tags *tags;
    if (!disk->tag ||
        tag_tables_get(v->tables, disk->path, format_or_raw(disk->format), &tags, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < tags->n; i++)
        if (!strcmp(tags->tags[i].name, disk->tag))
            return tags->tags[i].id;
    return NULL;
}

static bool note_overlays(struct surveyor *v, const struct xml_snapshot_disk *disks, size_t n)
{
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = names_add(v->names, disks[i].overlay.path) &&
             names_add(v->overlays, disks[i].overlay.path);
    return ok;
}

static int note_snapshot(struct surveyor *v, const struct domain *d, const struct xml_snapshot *x,
                         struct err *e)
{
    if (!names_add(v->names, x->memory_file) || !note_overlays(v, x->disks, x->n_disks) ||
        !note_overlays(v, x->revert_disks, x->n_revert_disks))
        return err_nomem(e);
    int r = 0;
    for (size_t i = 0; r == 0 && x->domain && i < x->domain->n_disks; i++)
        r = note_disk(v, d, &x->domain->disks[i], e);
    return r;
}

static int add_snapshot(struct surveyor *v, const struct domain *d, const struct snapshot *s,
                        struct err *e)
{
    int r = note_snapshot(v, d, s->parsed, e);
    for (size_t k = 0; r == 0 && k < s->n_disks; k++) {
        const struct snapshot_disk *disk = &s->disks[k];
        struct stat remote;
        const struct xml_disk *x = xml_domain_disk(s->parsed->domain, disk->target);
        bool here = disk->path && !image_remote_stat(disk->path, &remote);
        struct graph_user u = {.domain = d->name,
                               .snapshot = s->name,
                               .target = disk->target,
                               .tag = disk->tag,
                               .tag_id = here ? tag_id(v, disk) : NULL};
        r = x ? add_source(v, &u, d, x, e) : 0;
    }
    return r;
}

static int add_unreadable(struct surveyor *v, const struct domain *d, struct err *e)
{
    struct graph_user u = {.domain = d->name, .target = ""};
    return d->n_unreadable ? add_unknown(v, &u, e) : 0;
}

/* Adds what is kept of the domain now, by any user: files that were left, and tags that are left
 * over. */
static int add_kept(struct surveyor *v, const struct domain *d, struct err *e)
{
    struct kept *k autodestroy(kept_unref) = NULL;
    int r = kept_read(v->m->virt, d->uuid, d->kept, &k, e);
    bool ok = r == 0 && left_files_add(k, v->overlays) && left_tags_add(&v->left, k);
    return r < 0 || ok ? r : err_nomem(e);
}

int survey_domain(struct surveyor *v, const struct domain *d, struct err *e)
{
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    int r = graph_add_domain(v->graph, d->coded) ? 0 : err_nomem(e);
    if (r == 0)
        r = xml_domain_parse(d->xml, &x, e);
    if (r == 0)
        r = add_disks(v, d, x, e);
    if (r == 0)
        r = add_config(v, d, e);
    if (r == 0)
        r = add_kept(v, d, e);
    for (size_t i = 0; r == 0 && i < d->n; i++)
        r = add_snapshot(v, d, &d->all[i], e);
    return r == 0 ? add_unreadable(v, d, e) : r;
}
