/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mergeable.c - see delete/mergeable.h. No locks. */
#include "model/delete/mergeable.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "image/layers.h"
#include "model/graph/mount_path.h"
#include "model/reader/image_backing.h"

struct question {
    const struct survey *v;
    const struct domain *d;
    struct merge_gone gone;
    const char *target;
    struct merge m;
};

/* ---- the users of these files ---- */

/* Returns whether the user is the live disk that is merged. A disk of the domain's configuration
 * with another target also counts. It will be on the same file at the next start. */
static bool is_live(const struct question *q, const struct graph_user *u)
{
    bool other = q->v->live && !xml_domain_disk(q->v->live, u->target);
    return q->m.above == GRAPH_NO_FILE && (other || !strcmp(u->target, q->target));
}

/* Returns whether the user's bytes are the whole of `top`, and the user follows the merge. libvirt
 * moves the live disk, even if it is on a volume. snapfs moves the domain's snapshots by their
 * files, under any target. If a snapshot's XML names the file as a volume, snapfs does not move
 * that snapshot. */
static bool is_moved(const struct question *q, const struct graph_user *u)
{
    if (u->tag || u->mount_path || (u->snapshot && u->volume) || strcmp(u->domain, q->d->name) != 0)
        return false;
    return u->snapshot || is_live(q, u);
}

/* Returns whether the user keeps its bytes. `k` is the depth of the base in its chain. */
static bool keeps(const struct question *q, size_t user, size_t k)
{
    const struct graph *g = q->v->graph;
    const struct graph_user *u = graph_user(g, user);
    if (k == 0)
        return u->tag != NULL; /* writes leave a tag's clusters alone */
    if (graph_chain(g, user, k - 1) != q->m.top)
        return false;
    if (k == 1)
        return is_moved(q, u);
    return !u->mount_path && graph_chain(g, user, k - 2) == q->m.above;
}

static bool is_in_base(const struct question *q, const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_disks; i++) {
        int user = survey_user(q->v, q->d, s, s->disks[i].target);
        if (user >= 0 && graph_depth(q->v->graph, (size_t)user, q->m.base) != SIZE_MAX)
            return true;
    }
    return false;
}

/* Returns whether the user is a clone on an image, in a mount, of a snapshot that uses the base. */
static bool is_clone_of_user(const struct question *q, const struct graph_user *u)
{
    bool known = u->mount_path && survey_knows_domain(q->v, u->mount_path);
    for (size_t i = 0; u->mount_path && i < q->d->n; i++) {
        const struct snapshot *s = &q->d->all[i];
        if (mount_path_reads(q->d, s, u->mount_path, known) && is_in_base(q, s))
            return true;
    }
    return false;
}

static int refuse(const struct question *q, size_t user, struct err *e)
{
    autotext struct text who = {0};
    graph_describe(q->v->graph, user, &who);
    return err_fail(e, EBUSY, "'%s' is needed by %s", graph_file_path(q->v->graph, q->m.base),
                    who.failed ? "another" : who.s);
}

static bool is_deleted(const struct question *q, const struct graph_user *u)
{
    if (!u->snapshot || strcmp(u->domain, q->d->name) != 0)
        return false;
    if (q->gone.one && !strcmp(u->snapshot, q->gone.one->name))
        return true;
    const struct snapshot *s = q->gone.below ? domain_find_name(q->d, u->snapshot) : NULL;
    return s && snapshot_is_below(s, q->gone.below);
}

/* Checks all users. Refuses first for a user that libvirt knows of, because the remedy is
 * another. */
static int check_users(struct question *q, struct err *e)
{
    const struct graph *g = q->v->graph;
    for (size_t i = 0; i < graph_n_users(g); i++) {
        const struct graph_user *u = graph_user(g, i);
        size_t k = graph_depth(g, i, q->m.base);
        bool stays = k == SIZE_MAX ? !u->may_continue && !is_clone_of_user(q, u) : keeps(q, i, k);
        if (stays || u->left || is_deleted(q, u))
            continue;
        if (!u->found)
            return refuse(q, i, e);
        if (q->m.found < 0)
            q->m.found = (int)i;
    }
    return 0;
}

/* ---- together ---- */

/* Names the last file that the chain is known to have. */
static int fail_incomplete(const struct question *q, size_t live, struct err *e)
{
    const struct graph *g = q->v->graph;
    size_t n = 0;
    while (graph_chain(g, live, n) != GRAPH_NO_FILE)
        n++;
    if (!n)
        return err_fail(e, EBUSY, "the chain of disk '%s' is not whole: its own file is not there",
                        q->target);
    return err_fail(e, EBUSY,
                    "the chain of disk '%s' is not whole: '%s' or a file below it is away",
                    q->target, graph_file_path(g, graph_chain(g, live, n - 1)));
}

/* Finds the files of the live chain next to the base. */
static int find_files(struct question *q, struct err *e)
{
    const struct graph *g = q->v->graph;
    int live = survey_user(q->v, q->d, NULL, q->target);
    size_t k = live < 0 ? SIZE_MAX : graph_depth(g, (size_t)live, q->m.base);
    if (live >= 0 && graph_user(g, (size_t)live)->incomplete)
        return fail_incomplete(q, (size_t)live, e);
    if (k == SIZE_MAX || k == 0)
        return err_fail(e, ENOENT, "the live disk '%s' does not use the snapshot", q->target);
    q->m.top = graph_chain(g, (size_t)live, k - 1);
    q->m.above = k >= 2 ? graph_chain(g, (size_t)live, k - 2) : GRAPH_NO_FILE;
    return 0;
}

int merge_find(const struct survey *v, const struct domain *d, struct merge_gone gone,
               const char *target, int base, struct merge *ret, struct err *e)
{
    struct question q = {
        .v = v, .d = d, .gone = gone, .target = target, .m = {.base = base, .found = -1}};
    int r = find_files(&q, e);
    if (r == 0)
        r = check_users(&q, e);
    if (r == 0)
        *ret = q.m;
    return r;
}

int merge_check_found(const struct survey *v, const struct merge *m, struct err *e)
{
    autotext struct text who = {0};
    if (m->found < 0)
        return 0;
    graph_describe(v->graph, (size_t)m->found, &who);
    return err_fail(e, EBUSY,
                    "cannot merge '%s' into '%s': %s uses them; remove the image, or write 'force' "
                    "to the snapshot's 'delete' file, which spoils the image",
                    graph_file_path(v->graph, m->top), graph_file_path(v->graph, m->base),
                    who.failed ? "an image that no domain has" : who.s);
}

/* ---- the files themselves ---- */

static bool is_plain(const char *path, struct stat *ret)
{
    return lstat(path, ret) == 0 && S_ISREG(ret->st_mode);
}

static bool is_readable(const char *format)
{
    return format && (!strcmp(format, "raw") || !strcmp(format, "qcow2"));
}

/* Checks the overlay and its base. A base that is longer would make the next one's disk longer. */
static int check_layers(const struct image_layer *l, size_t n, struct err *e)
{
    struct stat top, base;
    if (n < 2)
        return err_fail(e, EBUSY, "the overlay is not in the disk's chain any more");
    if (l[0].data || l[1].data || !is_readable(l[1].format) || !is_plain(l[0].path, &top) ||
        !is_plain(l[1].path, &base))
        return err_fail(e, EBUSY, "'%s' is not a plain overlay on a plain file", l[0].path);
    if (base.st_nlink > 1)
        return err_fail(e, EBUSY, "'%s' has another name, and would change under that as well",
                        l[1].path);
    if (l[1].size > l[0].size)
        return err_fail(e, EBUSY, "'%s' is shorter than '%s', its backing file", l[0].path,
                        l[1].path);
    return 0;
}

int merge_check_files(const struct domain *d, const struct survey *v, const char *target,
                      const struct merge *merge, struct err *e)
{
    const struct xml_disk *live = xml_domain_disk(v->live, target);
    struct image_layer *layers = NULL;
    struct err why = {0};
    size_t n = 0, top = 0;
    int r = live ? backing_layers(d, NULL, live, &layers, &n, &why) : -ENOENT;
    while (top < n && graph_find(v->graph, layers[top].dev, layers[top].ino) != merge->top)
        top++;
    r = r < 0 ? err_fail(e, EBUSY, "%s", why.text) : check_layers(layers + top, n - top, e);
    image_layers_free(layers, n);
    return r;
}
