/* dirs.c - what each kind of directory holds.
 *
 * The grand theory of the tree. A *place* (place.h) is a name that lasts: "the file `info` of the
 * snapshot with this ident in the domain with this uuid". The kernel's node ids stand for places
 * (table.h) and never for objects of the model, so nothing here has to follow what virsh or another
 * mount does meanwhile: each request turns its place into a *view* (view.c), which holds the
 * domain's immutable value as it is now, at most `cache` seconds old. A place whose snapshot or
 * domain is gone gives ESTALE, whereupon the kernel looks the path up again and the user sees what
 * is there now. A snapshot that was deleted and made again under its name has another ident, so it
 * is another place, with another node id, another st_ino and its own page cache.
 *
 *     root        PLACE_ROOT        the domains
 *     DOMAIN/     PLACE_DOMAIN      rows (rows.c)
 *     snapshots/  PLACE_SNAPSHOTS   the root snapshots
 *     S/          PLACE_SNAPSHOT    rows, one image a disk, the memory, the children
 *     by-name/    PLACE_BY_NAME     every snapshot
 *     unmanaged/  PLACE_UNMANAGED   the tags that libvirt does not know
 *     TAG/        PLACE_TAG         its rows, one image a disk
 *
 * A directory in the kernel has one path. A snapshot's real directory stands in its parent's, and
 * by-name/ holds a link to it; in a flat or deep tree (`in_by_name`) it is the other way round.
 *
 * There is one vtable for each kind of directory; a NULL member means "refused". A listing is taken
 * when the directory is opened and keeps the value it began with, so that offsets are indexes into
 * it. What changes anything is in change.c. No locks here: values do not change.
 */
#include "node/dirs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "model/reader/parts.h"
#include "model/reader/unmanaged.h"
#include "node/tree.h"

static int no_entry(struct err *e, const char *name)
{
    return err_fail(e, ENOENT, "there is no '%s' here", name);
}

static int add_item(struct listing *l, const char *name, struct place p, struct err *e)
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
            r = add_item(l, row_at(i)->name, row_place(t, dir, row_at(i)), e);
    return r;
}

/* Another place of the same domain, found through this directory. */
static int found_in(const struct view *dir, struct place p, struct found *ret, struct err *e)
{
    ret->entry_until = dir->fresh_until;
    return tree_view_in(dir->domain, &p, &ret->view, e);
}

static int lookup_row(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                      struct err *e)
{
    const struct row *row = row_find(dir->place.kind, name);
    if (!row)
        return no_entry(e, name);
    int r = found_in(dir, row_place(t, dir, row), ret, e);
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
    uint64_t until;
    int r = model_domain_find(t->model, name, uuid, &until, e);
    if (r < 0)
        return r;
    struct place p = place_make(PLACE_DOMAIN, uuid, 0, 0);
    r = tree_view(t, &p, &ret->view, e);
    if (r == -ESTALE)
        return no_entry(e, name);
    ret->entry_until = until;
    return r;
}

static int list_root(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    (void)dir;
    int r = model_domains(t->model, &l->domains, e);
    for (size_t i = 0; r == 0 && i < l->domains->n; i++) {
        const struct domain_name *d = &l->domains->items[i];
        r = add_item(l, d->coded, place_make(PLACE_DOMAIN, d->uuid, 0, 0), e);
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
        r = add_item(l, s[i]->coded, child_place(dir, s[i]), e);
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
    return s ? found_in(dir, child_place(dir, s), ret, e) : no_entry(e, name);
}

/* Of `snapshots` and of a snapshot: those whose parent this directory is. */
static int lookup_child(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                        struct err *e)
{
    const struct snapshot *s = domain_find_coded(dir->domain, name);
    bool here = s && s->parent == dir->snapshot;
    return here ? lookup_by_name(t, dir, name, ret, e) : no_entry(e, name);
}

/* ---- a snapshot ---- */

static struct place image_place(const struct view *dir, const struct snapshot_disk *disk)
{
    enum place_kind kind = dir->place.kind == PLACE_TAG ? PLACE_TAG_IMAGE : PLACE_IMAGE;
    return place_make(kind, dir->place.uuid, dir->place.snapshot,
                      place_disk_item(disk->ident, disk->file));
}

/* Is an image left out, or only if it cannot be read (HIDE)? Whether libvirt's daemon is elsewhere
 * counts, and is asked, only for one that by its kind can never be read. */
static bool may_be_left_out(const struct tree *t, const struct snapshot_disk *disk)
{
    switch (t->options.unreadable) {
    case UNREADABLE_SHOW:
        return false;
    case UNREADABLE_UNSUPPORTED:
        return disk->unsupported;
    case UNREADABLE_HIDE:
        return true;
    default:
        return disk->unsupported && model_is_elsewhere(t->model);
    }
}

/* Is the image listed? One that cannot be read is, unless the user has said otherwise: a backup
 * would take what is not listed for what is not there. *ret_why: why one that is not cannot be
 * read. Fails for want of memory alone. */
static int shows_image(struct tree *t, const struct view *dir, const struct snapshot_disk *disk,
                       bool *ret, struct err *ret_why, struct err *e)
{
    struct image_facts facts;
    *ret = !disk->absent && !may_be_left_out(t, disk);
    if (*ret)
        return 0;
    int no = model_image_facts(t->model, dir->domain, dir->snapshot, disk, &facts, ret_why);
    if (err_is_want(-no))
        return err_fail(e, -no, "%s", ret_why->text);
    *ret = no == 0;
    return 0;
}

static int list_images(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    int r = 0;
    for (size_t i = 0; i < dir->snapshot->n_images && r == 0; i++) {
        const struct snapshot_disk *disk = &dir->snapshot->disks[i];
        struct err why;
        bool shown = false;
        r = shows_image(t, dir, disk, &shown, &why, e);
        if (r == 0 && shown)
            r = add_item(l, disk->file, image_place(dir, disk), e);
    }
    return r;
}

/* Reads "DISK-partN.raw": *ret gets the name of the disk's image, owned by the caller, *ret_number
 * the partition's. *ret NULL: it is none. */
static int parse_part(const char *name, char **ret, unsigned *ret_number, struct err *e)
{
    static const char before[] = "-part", suffix[] = ".raw", digits[] = "0123456789";
    size_t len = strlen(name), end = len - strlen(suffix);
    *ret = NULL;
    if (len <= strlen(suffix) || strcmp(name + end, suffix) != 0)
        return 0;
    size_t first = end;
    while (first && strchr(digits, name[first - 1]))
        first--;
    size_t stem = first - strlen(before);
    if (first == end || end - first > 3 || name[first] == '0' || first <= strlen(before) ||
        strncmp(name + stem, before, strlen(before)) != 0)
        return 0;
    autotext struct text image = {0};
    text_put(&image, name, stem);
    text_add(&image, "%s", suffix);
    *ret_number = (unsigned)strtoul(name + first, NULL, 10);
    *ret = text_take(&image, NULL);
    return *ret ? 0 : err_nomem(e);
}

/* A partition is found by its name and never listed. ENOENT: `name` is none. */
static int lookup_part(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                       struct err *e)
{
    autofree char *image = NULL;
    struct partition found;
    unsigned number;
    int r = parse_part(name, &image, &number, e);
    if (r < 0)
        return r;
    const struct snapshot_disk *disk = image ? snapshot_find_disk(dir->snapshot, image) : NULL;
    if (!disk)
        return no_entry(e, name);
    ret->is_image = true;
    r = model_partition(t->model, dir->domain, dir->snapshot, disk, number, &found, e);
    struct place p = image_place(dir, disk);
    p.part = number;
    return r < 0 ? r : found_in(dir, p, ret, e);
}

static int list_snapshot(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    int r = list_rows(t, dir, l, e);
    if (r == 0)
        r = list_images(t, dir, l, e);
    const struct snapshot *s = dir->snapshot;
    return r < 0 ? r : list_snapshots(dir, s->children, s->n_children, l, e);
}

static int lookup_image(struct tree *t, const struct view *dir, const struct snapshot_disk *disk,
                        struct found *ret, struct err *e)
{
    struct err why = {0};
    bool shown = false;
    ret->is_image = true;
    int r = shows_image(t, dir, disk, &shown, &why, e);
    if (r < 0)
        return r;
    return shown ? found_in(dir, image_place(dir, disk), ret, e)
                 : err_fail(e, why.no, "%s", why.text);
}

static int lookup_snapshot(struct tree *t, const struct view *dir, const char *name,
                           struct found *ret, struct err *e)
{
    if (row_find(PLACE_SNAPSHOT, name))
        return lookup_row(t, dir, name, ret, e);
    const struct snapshot_disk *disk = snapshot_find_disk(dir->snapshot, name);
    if (disk)
        return lookup_image(t, dir, disk, ret, e);
    int r = lookup_child(t, dir, name, ret, e);
    return r == -ENOENT ? lookup_part(t, dir, name, ret, e) : r;
}

/* ---- unmanaged/ and its tags, which nobody reads about before they are asked for here ---- */

static struct place tag_place(const struct view *dir, const struct snapshot *tag)
{
    return place_make(PLACE_TAG, dir->place.uuid, tag->ident, 0);
}

static int list_unmanaged(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    const struct tag_list *tags;
    int r = model_tags(t->model, dir->domain, &tags, e);
    for (size_t i = 0; r == 0 && i < tags->n; i++)
        r = add_item(l, tags->tags[i].coded, tag_place(dir, &tags->tags[i]), e);
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
    return tag ? found_in(dir, tag_place(dir, tag), ret, e) : no_entry(e, name);
}

static int list_tag(struct tree *t, const struct view *dir, struct listing *l, struct err *e)
{
    int r = list_rows(t, dir, l, e);
    return r < 0 ? r : list_images(t, dir, l, e);
}

static int lookup_tag(struct tree *t, const struct view *dir, const char *name, struct found *ret,
                      struct err *e)
{
    const struct snapshot_disk *disk = snapshot_find_disk(dir->snapshot, name);
    if (disk)
        return lookup_image(t, dir, disk, ret, e);
    int r = lookup_row(t, dir, name, ret, e);
    return r == -ENOENT ? lookup_part(t, dir, name, ret, e) : r;
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

/* The directory that holds this one. */
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

/* Looks up "." or "..", which the kernel asks for when it makes a path of a file handle. */
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
        return err_fail(e, ENOTDIR, "'%s' is looked for in what is no directory", name);
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
    int r = ops->list ? 0 : err_fail(e, ENOTDIR, "what is no directory cannot be listed");
    if (r == 0)
        r = add_item(l, ".", dir->place, e);
    if (r == 0)
        r = add_item(l, "..", place_above(dir), e);
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
