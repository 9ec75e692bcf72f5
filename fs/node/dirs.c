/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dirs.c - the contents of each kind of directory.
 *
 * A *place* (place.h) is a name that lasts, for example: "the file `info` of the snapshot with this
 * ident in the domain with this uuid". The kernel's node ids stand for places (table.h), never for
 * objects of the model. So no code here has to follow the changes that virsh or another mount
 * makes.
 *
 * Each request turns its place into a *view* (view.c). The view holds the domain's immutable value,
 * at most `cache` seconds old. If a place's snapshot or domain is gone, the request fails with
 * ESTALE. The kernel then looks the path up again, and the user sees the present state. If a
 * snapshot was deleted and made again under its name, it has another ident. So it is another place,
 * with another node id, another st_ino and its own page cache.
 *
 *     root        PLACE_ROOT        the domains
 *     DOMAIN/     PLACE_DOMAIN      rows (rows.c)
 *     snapshots/  PLACE_SNAPSHOTS   the root snapshots
 *     S/          PLACE_SNAPSHOT    rows, one image a disk, the memory, the children
 *     by-name/    PLACE_BY_NAME     every snapshot
 *     unmanaged/  PLACE_UNMANAGED   the tags that libvirt does not know
 *     TAG/        PLACE_TAG         its rows, one image a disk
 *
 * A directory in the kernel has one path. A snapshot's real directory is in its parent's, and
 * by-name/ has a link to it. In a flat or deep tree (`in_by_name`) it is the other way round.
 *
 * There is one vtable for each kind of directory; a NULL member means "refused". opendir takes a
 * listing, and the listing keeps its first value, so that offsets are indexes into it. Changes are
 * made in change.c. No locks here: values do not change.
 */
#include "node/dirs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "model/reader/unmanaged.h"
#include "node/tree.h"

int dir_no_entry(struct err *e, const char *name)
{
    return err_fail(e, ENOENT, "there is no '%s' here", name);
}

int listing_add(struct listing *l, const char *name, struct place p, struct err *e)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        uint64_t more = (cap - l->cap) * sizeof(struct listing_item);
        int r = budget_take(more, e);
        if (r < 0)
            return r;
        l->counted += more;
        struct listing_item *items = reallocarray(l->items, cap, sizeof(*items));
        if (!items)
            return err_nomem(e);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = (struct listing_item){.place = p, .name = name};
    return 0;
}

/* ---- rows, in any directory that has them ---- */

static struct place row_place(const struct tree *t, const struct view *dir, const struct row *row)
{
    unsigned edition = row->edition ? row->edition(t, dir->place.uuid) : 0;
    uint64_t item = row->kind == PLACE_FILE ? place_file_item(row, edition) : 0;
    return place_make(row->kind, dir->place.uuid, dir->place.snapshot, item);
}

static int list_rows(const struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    int r = 0;
    for (size_t i = 0; i < row_count() && r == 0; i++)
        if (row_at(i)->where == dir->place.kind && !row_at(i)->hidden)
            r = listing_add(l, row_at(i)->name, row_place(t, dir, row_at(i)), e);
    return r;
}

int dir_found(const struct view *dir, struct place p, struct found *ret, struct err *e)
{
    ret->entry_until = dir->fresh_until;
    return tree_view_in(dir->domain, &p, &ret->view, e);
}

static int lookup_row(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                      struct err *e)
{
    const struct row *row = row_find(dir->place.kind, name);
    if (!row)
        return dir_no_entry(e, name);
    int r = dir_found(dir, row_place(t, dir, row), ret, e);
    ret->entry_until = min_u64(ret->entry_until, ret->view.fresh_until);
    return r;
}

static int list_domain(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    return list_rows(t, dir, l, e);
}

/* ---- the root ---- */

static int lookup_root(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                       struct err *e)
{
    (void)dir;
    char uuid[sizeof(dir->place.uuid)];
    uint64_t until = 0;
    bool away = model_uuid_away(t->model, name, uuid);
    int r = away ? 0 : model_domain_find(t->model, name, uuid, &until, e);
    if (r < 0)
        return r;
    struct place p = place_make(PLACE_DOMAIN, uuid, 0, 0);
    r = tree_view(t, &p, &ret->view, e);
    if (r == -ESTALE)
        return dir_no_entry(e, name);
    ret->entry_until = until;
    return r;
}

static int list_root(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    (void)dir;
    int r = model_domains(t->model, &l->domains, e);
    for (size_t i = 0; r == 0 && i < l->domains->n; i++) {
        const struct domain_name *d = &l->domains->items[i];
        r = listing_add(l, d->coded, place_make(PLACE_DOMAIN, d->uuid, 0, 0), e);
    }
    return r;
}

/* ---- snapshots, below each other and in by-name/ ---- */

static struct place child_place(const struct view *dir, const struct snapshot *s)
{
    bool by_name = dir->place.kind == PLACE_BY_NAME;
    enum place_kind link = by_name ? PLACE_NAME : PLACE_DEEP;
    enum place_kind kind = s->in_by_name == by_name ? PLACE_SNAPSHOT : link;
    return place_make(kind, dir->place.uuid, s->ident, 0);
}

static int list_snapshots(const struct view *dir, struct snapshot *const *s, size_t n,
                          struct listing *l, struct err *e)
{
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++)
        r = listing_add(l, s[i]->coded, child_place(dir, s[i]), e);
    return r;
}

static int list_roots(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    (void)t;
    return list_snapshots(dir, dir->domain->roots, dir->domain->n_roots, l, e);
}

static int list_by_name(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    (void)t;
    return list_snapshots(dir, dir->domain->by_coded, dir->domain->n, l, e);
}

static int lookup_by_name(struct tree *t, const struct view *dir, const char *name,
                          struct found *ret, struct err *e)
{
    (void)t;
    const struct snapshot *s = domain_find_coded(dir->domain, name);
    return s ? dir_found(dir, child_place(dir, s), ret, e) : dir_no_entry(e, name);
}

/* Looks up, in `snapshots` or in a snapshot, a child of this directory. */
static int lookup_child(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                        struct err *e)
{
    const struct snapshot *s = domain_find_coded(dir->domain, name);
    bool here = s && s->parent == dir->snapshot;
    return here ? lookup_by_name(t, dir, name, ret, e) : dir_no_entry(e, name);
}

/* ---- a snapshot ---- */

static int list_snapshot(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    int r = list_rows(t, dir, l, e);
    if (r == 0)
        r = images_list(t, dir, l, e);
    const struct snapshot *s = dir->snapshot;
    return r < 0 ? r : list_snapshots(dir, s->children, s->n_children, l, e);
}

static int lookup_snapshot(struct tree *t, const struct view *dir, const char *name,
                           struct found *ret, struct err *e)
{
    if (row_find(PLACE_SNAPSHOT, name))
        return lookup_row(t, dir, name, ret, e);
    int r = image_lookup(t, dir, name, ret, e);
    return r == -ENOENT && !ret->is_image ? lookup_child(t, dir, name, ret, e) : r;
}

/* ---- unmanaged/ and its tags, which are only read when a path here is asked for ---- */

static struct place tag_place(const struct view *dir, const struct snapshot *tag)
{
    return place_make(PLACE_TAG, dir->place.uuid, tag->ident, 0);
}

static int list_unmanaged(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    const struct tag_list *tags;
    int r = model_tags(t->model, dir->domain, &tags, e);
    for (size_t i = 0; r == 0 && i < tags->n; i++)
        r = listing_add(l, tags->tags[i].coded, tag_place(dir, &tags->tags[i]), e);
    return r;
}

static int lookup_unmanaged(struct tree *t, const struct view *dir, const char *name,
                            struct found *ret, struct err *e)
{
    const struct tag_list *tags;
    int r = model_tags(t->model, dir->domain, &tags, e);
    if (r < 0)
        return r;
    const struct snapshot *tag = tags_find_coded(tags, name);
    return tag ? dir_found(dir, tag_place(dir, tag), ret, e) : dir_no_entry(e, name);
}

static int list_tag(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    int r = list_rows(t, dir, l, e);
    return r < 0 ? r : images_list(t, dir, l, e);
}

static int lookup_tag(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                      struct err *e)
{
    if (row_find(PLACE_TAG, name))
        return lookup_row(t, dir, name, ret, e);
    return image_lookup(t, dir, name, ret, e);
}

static const struct dir_ops dir_ops[PLACE_KINDS] = {
    [PLACE_ROOT] = {.lookup = lookup_root, .list = list_root},
    [PLACE_DOMAIN] = {.lookup = lookup_row, .list = list_domain},
    [PLACE_SNAPSHOTS] = {.lookup = lookup_child,
                         .list = list_roots,
                         .make = snapshot_make,
                         .remove = snapshot_remove},
    [PLACE_SNAPSHOT] = {.lookup = lookup_snapshot,
                        .list = list_snapshot,
                        .make = snapshot_make,
                        .remove = snapshot_remove},
    [PLACE_BY_NAME] = {.lookup = lookup_by_name,
                       .list = list_by_name,
                       .make = snapshot_make_flat,
                       .remove = snapshot_remove},
    [PLACE_UNMANAGED] = {.lookup = lookup_unmanaged, .list = list_unmanaged},
    [PLACE_TAG] = {.lookup = lookup_tag, .list = list_tag},
};

const struct dir_ops *dir_ops_of(const struct view *dir)
{
    return &dir_ops[dir->place.kind];
}

/* Returns the directory that has this one. */
static struct place place_above(const struct view *v)
{
    const char *uuid = v->place.uuid;
    if (v->place.kind == PLACE_ROOT || v->place.kind == PLACE_DOMAIN)
        return place_make(PLACE_ROOT, "", 0, 0);
    if (v->place.kind == PLACE_TAG)
        return place_make(PLACE_UNMANAGED, uuid, 0, 0);
    if (v->place.kind != PLACE_SNAPSHOT)
        return place_make(PLACE_DOMAIN, uuid, 0, 0);
    if (v->snapshot->in_by_name)
        return place_make(PLACE_BY_NAME, uuid, 0, 0);
    const struct snapshot *parent = v->snapshot->parent;
    return place_make(parent ? PLACE_SNAPSHOT : PLACE_SNAPSHOTS, uuid, parent ? parent->ident : 0,
                      0);
}

/* Looks up "." or "..". The kernel asks for them when it makes a path of a file handle. */
static int lookup_dot(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                      struct err *e)
{
    struct place p = name[1] ? place_above(dir) : dir->place;
    int r = tree_view(t, &p, &ret->view, e);
    ret->entry_until = ret->view.fresh_until;
    return r;
}

static bool is_dot(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

int tree_lookup(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                struct err *e)
{
    *ret = (struct found){0};
    if (is_dot(name))
        return lookup_dot(t, dir, name, ret, e);
    const struct dir_ops *ops = dir_ops_of(dir);
    if (!ops->lookup)
        return err_fail(e, ENOTDIR, "'%s' is looked for in a file", name);
    if (strlen(name) > NAME_BYTES_MAX)
        return err_fail(e, ENAMETOOLONG, "a name here has at most %d bytes", NAME_BYTES_MAX);
    return ops->lookup(t, dir, name, ret, e);
}

int tree_list(struct tree *t, const struct view *dir, struct listing **ret, struct err *e)
{
    autodestroy(listing_free) struct listing *l = calloc(1, sizeof(*l));
    if (!l)
        return err_nomem(e);
    if (dir->domain)
        l->domain = domain_ref(dir->domain);
    const struct dir_ops *ops = dir_ops_of(dir);
    int r = ops->list ? 0 : err_fail(e, ENOTDIR, "a file cannot be listed");
    if (r == 0)
        r = listing_add(l, ".", dir->place, e);
    if (r == 0)
        r = listing_add(l, "..", place_above(dir), e);
    if (r == 0)
        r = ops->list(t, dir, l, e);
    if (r == 0)
        *ret = take(l);
    return r;
}

void listing_free(struct listing *l)
{
    if (!l)
        return;
    domain_unref(l->domain);
    domain_list_unref(l->domains);
    budget_give(l->counted);
    free(l->items);
    free(l);
}
