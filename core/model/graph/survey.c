/* SPDX-License-Identifier: GPL-3.0-or-later */
/* survey.c - see graph/survey.h. No locks of its own; one thread. Reads headers and snapshot tables
 * only. */
#include "model/graph/survey.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mounts.h"
#include "model/catalog/catalog.h"
#include "model/graph/advice.h"
#include "model/graph/loops.h"
#include "model/graph/mount_path.h"
#include "model/graph/strangers.h"
#include "model/graph/survey_domain.h"
#include "model/graph/survey_tags.h"
#include "model/graph/twins.h"
#include "model/state.h"
#include "virt/shared.h"

static int add_domains(struct surveyor *v, const struct domain *asking, struct err *e)
{
    struct virt_domain *all = NULL;
    size_t n = 0;
    int r = virt_domains(v->m->virt, &all, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct domain *d autodestroy(domain_unref) = NULL;
        if (asking && !strcmp(all[i].uuid, asking->uuid))
            r = survey_domain(v, asking, e);
        else if ((r = model_domain_now(v->m, all[i].uuid, &d, e)) == 0)
            r = survey_domain(v, d, e);
        else if (r == -ENOENT)
            r = 0;
    }
    if (r == 0 || all)
        virt_domains_free(all, n);
    return r;
}

/* Adds one domain to the survey. A domain that cannot be read counts as missing. */
static int glance_at(struct surveyor *v, const char *uuid, size_t *missing, struct err *e)
{
    struct domain *d autodestroy(domain_unref) = NULL;
    struct err why = {0};
    int r = model_domain(v->m, uuid, &d, &why);
    if (r == 0)
        r = survey_domain(v, d, &why);
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

/* Adds an overlay, unless the graph already has the file. If the overlay is not an image, it names
 * no file below. */
static int add_unattached(struct surveyor *v, const char *path, struct err *e)
{
    struct graph_user u = {.domain = "", .target = path, .unattached = true};
    struct cached_chain t = {0};
    struct stat st;
    if (path[0] != '/' || mounts_check(v->mounts, path, NULL, NULL) < 0 || stat(path, &st) < 0 ||
        !S_ISREG(st.st_mode) || graph_find(v->graph, st.st_dev, st.st_ino) != GRAPH_NO_FILE)
        return 0;
    int r = surveyor_chain(v, &u, path, "qcow2", &t, e);
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
    return r == 0 ? survey_tags(v, e) : r;
}

int survey_glance(struct model *m, const atomic_bool *stop, struct graph **ret, size_t *ret_missing,
                  struct err *e)
{
    struct surveyor v = {.m = m, .stop = stop};
    size_t missing = 0;
    int r = surveyor_begin(&v, e);
    if (r == 0)
        r = glance(&v, &missing, e);
    if (r == 0)
        r = add_rest(&v, e);
    missing += v.denied.path != NULL;
    surveyor_end(&v);
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

/* Refuses if snapfs may not look at a file but libvirt may, because that file may need any other
 * file. */
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
    int r = surveyor_begin(v, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = names_add(v->overlays, paths[i]) ? 0 : err_nomem(e);
    if (r == 0)
        r = v->scope == SURVEY_ALONE ? survey_domain(v, asking, e) : add_domains(v, asking, e);
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
    surveyor_end(v);
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
