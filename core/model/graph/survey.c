/* SPDX-License-Identifier: GPL-3.0-or-later */
/* survey.c - see graph/survey.h. No locks of its own; one thread. Reads headers and snapshot tables
 * only. */
#include "model/graph/survey.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_id.h"
#include "base/mounts.h"
#include "model/catalog/catalog.h"
#include "model/catalog/tag_tables.h"
#include "model/graph/advice.h"
#include "model/graph/chain_cache.h"
#include "model/graph/denied.h"
#include "model/graph/left_files.h"
#include "model/graph/loops.h"
#include "model/graph/mount_path.h"
#include "model/graph/strangers.h"
#include "model/graph/told.h"
#include "model/graph/twins.h"
#include "model/state.h"
#include "model/storage/backing.h"
#include "model/storage/file_marks.h"
#include "model/storage/volumes.h"
#include "virt/shared.h"

struct surveyor {
    struct model *m;
    struct graph *graph;
    struct names *names;
    struct names *overlays; /* the overlays that snapshots name */
    struct left_tags left;
    struct tag_tables *tables;
    struct chain_cache *chain_cache;
    struct mounts *mounts;
    enum survey_scope scope;
    const char *asking; /* the domain's name; NULL = none */
    struct text unseen;
    size_t n_had;            /* files that a domain or an overlay of one has */
    const atomic_bool *stop; /* if it is set, the result is not needed; may be NULL */
    char *mount_path; /* where the chain being followed led into a snapfs mount; NULL = nowhere */
    char *asked;      /* the file of that chain that was asked for last */
    struct denied denied;
};

/* Is the survey's policy: every file may be looked at, except those of a snapfs mount, which are
 * noted. */
static int allow(void *ctx, const char *path, struct err *e)
{
    struct surveyor *v = ctx;
    char *mount_path = NULL;
    free(v->asked);
    v->asked = strdup(path);
    int r = mounts_check(v->mounts, path, &mount_path, e);
    if (v->mount_path)
        free(mount_path);
    else
        v->mount_path = mount_path;
    return r;
}

/* Returns the numbers of a chain's files, top first; NULL without memory. */
static int *number_chain(struct surveyor *v, const struct image_layer *layers, size_t n)
{
    int *chain = calloc(n + 1, sizeof(*chain));
    for (size_t i = 0; chain && i < n; i++) {
        const struct image_layer *l = &layers[i];
        chain[i] = graph_file(v->graph, l->path, l->format, l->dev, l->ino);
        if (chain[i] < 0) {
            free(chain);
            return NULL;
        }
    }
    return chain;
}

static int check_stop(const struct surveyor *v, struct err *e)
{
    bool stop = v->stop && atomic_load(v->stop);
    return stop ? err_fail(e, ESHUTDOWN, "the mount is ending") : 0;
}

/* Returns whether the file is raw, without opening it. A raw file ends its chain, because its
 * content tells nothing of other files. */
static bool is_plain_raw(const struct image_source *source, struct image_layer *ret)
{
    struct stat st;
    if (strcmp(source->format, "raw") != 0 || stat(source->path, &st) < 0)
        return false;
    file_id(&st, &ret->dev, &ret->ino);
    return true;
}

/* Follows a chain. A file that is not there makes a chain of its own. NULL without memory; the
 * content of *ret lasts until the next call. */
static int *walk(struct surveyor *v, const struct image_source *source, struct cached_chain *ret,
                 struct image_layer **layers, size_t *n)
{
    struct image_policy policy = {.ctx = v, .allow = allow};
    struct image_layer top = {.path = (char *)(uintptr_t)source->path,
                              .format = (char *)(uintptr_t)source->format};
    free(take(v->mount_path));
    *ret = (struct cached_chain){0};
    int r = image_layers(source, &policy, layers, n, &ret->may_continue, NULL);
    if (r == -ENOENT && v->asked && !v->mount_path)
        v->mount_path = mount_path_guess(v->asked);
    if (r == -EACCES && !*n && !v->mount_path && is_plain_raw(source, &top))
        r = 0;
    if (r < 0)
        denied_note(&v->denied, -r, v->asked ? v->asked : source->path);
    ret->incomplete = r < 0;
    ret->mount_path = v->mount_path;
    ret->may_continue &= !v->mount_path;
    ret->n = *n ? *n : 1;
    int *chain = *n ? number_chain(v, *layers, *n) : number_chain(v, &top, 1);
    ret->chain = chain;
    return chain;
}

/* Follows the chain whose top is `path` by the headers. */
static int follow(struct surveyor *v, const char *path, const char *format, struct err *e)
{
    struct image_source source = {.path = path, .format = format};
    struct image_layer *layers;
    size_t n;
    struct cached_chain t;
    autofree int *chain = walk(v, &source, &t, &layers, &n);
    if (!chain)
        image_layers_free(layers, n);
    return chain && chain_cache_add(v->chain_cache, path, format, &t, layers, n) ? 0 : err_nomem(e);
}

/* Finds the chain; notes in `u` what is wrong with it. The strings that `u` borrows last as long as
 * the chain cache. */
static int chain_of(struct surveyor *v, struct graph_user *u, const char *path, const char *format,
                    struct cached_chain *ret, struct err *e)
{
    int r = check_stop(v, e);
    if (r == 0 && !chain_cache_find(v->chain_cache, path, format, ret))
        r = follow(v, path, format, e);
    if (r < 0)
        return r;
    chain_cache_find(v->chain_cache, path, format, ret);
    u->incomplete = ret->incomplete;
    u->may_continue = ret->may_continue;
    u->mount_path = ret->mount_path;
    return 0;
}

static int add_user(struct surveyor *v, struct graph_user *u, const char *path, const char *format,
                    struct err *e)
{
    struct cached_chain t = {0};
    int r = chain_of(v, u, path, format, &t, e);
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
    autofree int *chain = walk(v, &b->source, &t, &layers, &n);
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

/* Returns the format; libvirt takes a disk without a format for raw. */
static const char *format_or_raw(const char *format)
{
    return format ? format : "raw";
}

/* Adds a user with the chain that its XML gives for a disk. */
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
        r = chain_of(v, u, b.source.path, b.source.format, &t, e);
    if (r < 0 || (!here && !b.source.n_below))
        return r; /* no change by snapfs could change what another host has */
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

/* Adds the user of a disk. If libvirt does not say where the disk's volume is, the user may use any
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

/* Adds the disks that a running domain will have at its next start, if they are others. */
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
        return 0; /* it has gone meanwhile */
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

static int add_domain(struct surveyor *v, const struct domain *d, struct err *e)
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

/* Adds a tag. A tag uses the backing files of its file, by the headers and by any XML. */
static int add_tag(struct surveyor *v, struct graph_user *u, int file, const char *path,
                   struct err *e)
{
    struct cached_chain t = {0};
    int r = chain_of(v, u, path, "qcow2", &t, e);
    bool ok = r == 0 && graph_add(v->graph, u, t.chain, t.n);
    size_t n = 0;
    autofree size_t *users = ok ? told_tails(v->graph, file, &t, &n) : NULL;
    for (size_t i = 0; users && ok && i < n; i++)
        ok = graph_add_tail(v->graph, u, users[i], file);
    return r < 0 || (ok && users) ? r : err_nomem(e);
}

/* Adds the tags of one file's snapshot table that belong to no snapshot that libvirt knows. */
static int add_file_tags(struct surveyor *v, int file, struct err *e)
{
    autofree char *path = strdup(graph_file_path(v->graph, file));
    const char *format = graph_file_format(v->graph, file);
    const struct image_tags *tags = NULL;
    if (!path)
        return err_nomem(e);
    if (!format || tag_tables_get(v->tables, path, format, &tags, NULL) < 0)
        return 0; /* if a table cannot be read, no program can ask for the bytes of its tags */
    struct graph_user u = {.domain = "", .target = ""};
    struct marks marks __attribute__((cleanup(mark_drop))) = {0};
    if (tags->n)
        marks = mark_read(path);
    int r = 0;
    for (size_t i = 0; r == 0 && i < tags->n; i++) {
        u.tag = tags->tags[i].name;
        u.tag_id = tags->tags[i].id;
        u.found = (size_t)file >= v->n_had;
        u.left = mark_is_left(&marks, tags->tags[i].identity.entry) ||
                 left_tags_have(&v->left, path, tags->tags[i].identity.entry);
        if (!graph_has_tag(v->graph, file, u.tag, u.tag_id))
            r = add_tag(v, &u, file, path, e);
    }
    return r;
}

static int add_domains(struct surveyor *v, const struct domain *asking, struct err *e)
{
    struct virt_domain *all = NULL;
    size_t n = 0;
    int r = virt_domains(v->m->virt, &all, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct domain *d autodestroy(domain_unref) = NULL;
        if (asking && !strcmp(all[i].uuid, asking->uuid))
            r = add_domain(v, asking, e);
        else if ((r = model_domain_now(v->m, all[i].uuid, &d, e)) == 0)
            r = add_domain(v, d, e);
        else if (r == -ENOENT)
            r = 0;
    }
    if (r == 0 || all)
        virt_domains_free(all, n);
    return r;
}

/* Looks at one domain; if it cannot be read, it counts as missing. */
static int glance_at(struct surveyor *v, const char *uuid, size_t *missing, struct err *e)
{
    struct domain *d autodestroy(domain_unref) = NULL;
    struct err why = {0};
    int r = model_domain(v->m, uuid, &d, &why);
    if (r == 0)
        r = add_domain(v, d, &why);
    if (r == -ENOMEM || r == -ESHUTDOWN)
        return err_fail(e, -r, "%s", why.text);
    *missing += r < 0 && r != -ENOENT;
    return 0;
}

static int glance(struct surveyor *v, size_t *missing, struct err *e)
{
    struct virt_domain *all = NULL;
    size_t n = 0;
    int r = virt_domains(v->m->virt, &all, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = glance_at(v, all[i].uuid, missing, e);
    }
    virt_domains_free(all, n);
    return r;
}

static int add_all_tags(struct surveyor *v, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < graph_n_files(v->graph); i++)
        r = add_file_tags(v, (int)i, e);
    return r;
}

/* Adds an overlay if nothing that is known by now uses it. If it is no image, it tells of no file
 * below. */
static int add_unattached(struct surveyor *v, const char *path, struct err *e)
{
    struct graph_user u = {.domain = "", .target = path, .unattached = true};
    struct cached_chain t = {0};
    struct stat st;
    if (path[0] != '/' || mounts_check(v->mounts, path, NULL, NULL) < 0 || stat(path, &st) < 0 ||
        !S_ISREG(st.st_mode) || graph_find(v->graph, st.st_dev, st.st_ino) != GRAPH_NO_FILE)
        return 0;
    int r = chain_of(v, &u, path, "qcow2", &t, e);
    u.may_continue &= t.n > 1;
    return r < 0 || graph_add(v->graph, &u, t.chain, t.n) ? r : err_nomem(e);
}

static int add_rest(struct surveyor *v, struct err *e)
{
    const char *path;
    int r = 0;
    for (size_t i = 0; r == 0 && (path = names_at(v->overlays, i)); i++)
        r = add_unattached(v, path, e);
    v->n_had = graph_n_files(v->graph);
    if (r == 0 && v->scope == SURVEY_BESIDE)
        r = strangers_add(v->graph, v->mounts, v->asking, &v->unseen, &v->denied, e);
    if (r == 0 && v->scope != SURVEY_ALONE)
        r = loops_add(v->graph, v->mounts, e);
    if (r == 0)
        r = twins_pair(v->graph, v->mounts, e);
    if (r == 0)
        advise_of_current(v->m, v->graph);
    return r == 0 ? add_all_tags(v, e) : r;
}

static int begin(struct surveyor *v, struct err *e)
{
    struct err why;
    if (!virt_files_local(v->m->virt, &why))
        return err_fail(e, EOPNOTSUPP, "cannot determine whose bytes would change: %s", why.text);
    v->graph = graph_new();
    v->names = names_new();
    v->overlays = names_new();
    v->tables = tag_tables_new(v->m);
    v->chain_cache = chain_cache_new();
    v->mounts = mounts_read();
    return v->graph && v->names && v->overlays && v->tables && v->chain_cache && v->mounts
               ? 0
               : err_nomem(e);
}

static void end(struct surveyor *v)
{
    tag_tables_free(v->tables);
    chain_cache_free(v->chain_cache);
    mounts_free(v->mounts);
    names_free(v->overlays);
    left_tags_drop(&v->left);
    text_drop(&v->unseen);
    denied_drop(&v->denied);
    free(v->asked);
    free(v->mount_path);
}

int survey_glance(struct model *m, const atomic_bool *stop, struct graph **ret, size_t *ret_missing,
                  struct err *e)
{
    struct surveyor v = {.m = m, .stop = stop};
    size_t missing = 0;
    int r = begin(&v, e);
    if (r == 0)
        r = glance(&v, &missing, e);
    if (r == 0)
        r = add_rest(&v, e);
    missing += v.denied.path != NULL;
    end(&v);
    names_free(v.names);
    if (r < 0) {
        graph_free(v.graph);
        return r;
    }
    *ret = v.graph;
    *ret_missing = missing;
    return 0;
}

/* Notes the files that no chain led to, such as a saved memory. */
static void note_hidden_names(struct surveyor *v)
{
    const char *path;
    for (size_t i = 0; (path = names_at(v->names, i)); i++)
        if (path[0] == '/' && mounts_check(v->mounts, path, NULL, NULL) == 0 &&
            access(path, F_OK) < 0)
            denied_note(&v->denied, errno, path);
}

/* Refuses if a file may not be looked at, because the file may need any other. libvirt may look at
 * it. */
static int check_denied(struct surveyor *v, struct err *e)
{
    if (!virt_is_anothers(v->m->virt))
        return 0;
    note_hidden_names(v);
    if (!v->denied.path)
        return 0;
    return err_fail(
        e, EACCES,
        "cannot determine whose bytes would change: this user may not look at '%s'; nothing was "
        "done; use a mount by root",
        v->denied.path);
}

static int look_around(struct surveyor *v, const struct domain *asking, const char *const *paths,
                       size_t n, struct err *e)
{
    int r = begin(v, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = names_add(v->overlays, paths[i]) ? 0 : err_nomem(e);
    if (r == 0)
        r = v->scope == SURVEY_ALONE ? add_domain(v, asking, e) : add_domains(v, asking, e);
    if (r == 0)
        r = add_rest(v, e);
    return r < 0 ? r : check_denied(v, e);
}

static int survey_from(struct surveyor *v, struct domain *d, const char *const *paths, size_t n,
                       struct survey *ret, struct err *e)
{
    *ret = (struct survey){0};
    v->asking = d ? d->name : NULL;
    int r = look_around(v, d, paths, n, e);
    if (r == 0 && d)
        r = xml_domain_parse(d->xml, &ret->live, e);
    ret->virt = v->m->virt;
    ret->asking = d ? domain_ref(d) : NULL;
    ret->scope = v->scope;
    ret->graph = v->graph;
    ret->names = v->names;
    ret->left = v->left;
    v->left = (struct left_tags){0};
    ret->unseen = v->unseen.len ? text_take(&v->unseen, NULL) : NULL;
    end(v);
    if (r < 0)
        survey_drop(ret);
    return r;
}

int survey_make(struct model *m, struct domain *d, enum survey_scope scope, struct survey *ret,
                struct err *e)
{
    struct surveyor v = {.m = m, .scope = scope};
    return survey_from(&v, d, NULL, 0, ret, e);
}

int survey_files(struct model *m, struct domain *d, const char *const *paths, size_t n,
                 struct survey *ret, struct err *e)
{
    struct surveyor v = {.m = m, .scope = SURVEY_BESIDE};
    return survey_from(&v, d, paths, n, ret, e);
}

void survey_drop(struct survey *s)
{
    domain_unref(s->asking);
    graph_free(s->graph);
    names_free(s->names);
    xml_domain_free(s->live);
    left_tags_drop(&s->left);
    free(s->unseen);
    *s = (struct survey){0};
}

struct survey survey_take(struct survey *s)
{
    struct survey taken = *s;
    *s = (struct survey){0};
    return taken;
}

bool survey_forget(struct survey *v, const char *path, uint64_t dev, uint64_t ino)
{
    int file = graph_find(v->graph, dev, ino);
    bool known = file != GRAPH_NO_FILE,
         same = known && !strcmp(graph_file_path(v->graph, file), path);
    if (same)
        graph_forget(v->graph, file);
    return same || !known;
}

bool survey_knows_domain(const struct survey *v, const char *mount_path)
{
    autofree char *name = mount_path_domain(mount_path);
    return graph_has_domain(v->graph, name);
}

int survey_user(const struct survey *v, const struct domain *d, const struct snapshot *s,
                const char *target)
{
    for (size_t i = 0; i < graph_n_users(v->graph); i++) {
        const struct graph_user *u = graph_user(v->graph, i);
        bool same = s ? u->snapshot && !strcmp(u->snapshot, s->name) : !u->snapshot && !u->tag;
        if (same && !strcmp(u->domain, d->name) && !strcmp(u->target, target))
            return (int)i;
    }
    return -1;
}

bool survey_is_live(const struct survey *v, const struct domain *d, int file)
{
    for (size_t k = 0; file != GRAPH_NO_FILE && k < v->live->n_disks; k++) {
        int user = survey_user(v, d, NULL, v->live->disks[k].target);
        if (user >= 0 && graph_chain(v->graph, (size_t)user, 0) == file)
            return true;
    }
    return false;
}
