/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view.c - finds the present objects at a place, or fails with ESTALE. No locks. */
#include <errno.h>

#include "base/clock.h"
#include "model/reader/unmanaged.h"
#include "node/tree.h"

#define ROOT_FRESH_NS CLOCK_SECOND

void tree_init(struct tree *t, struct model *m, const struct tree_options *o)
{
    *t = (struct tree){.model = m, .options = *o};
    clock_gettime(CLOCK_REALTIME, &t->start);
    bar_init(&t->bar);
}

void tree_destroy(struct tree *t)
{
    bar_destroy(&t->bar);
}

static int gone(struct err *e, const char *what)
{
    return err_fail(e, ESTALE, "%s that was here is gone", what);
}

static int find_disk(struct view *v, struct err *e)
{
    const struct snapshot *s = v->snapshot;
    for (size_t i = 0; i < s->n_images; i++)
        if (place_disk_item(s->disks[i].ident, s->disks[i].file) == v->place.item)
            v->disk = &s->disks[i];
    return v->disk ? 0 : gone(e, "the disk image");
}

static int find_tag(struct view *v, struct err *e)
{
    const struct tag_list *tags = domain_tags(v->domain);
    v->snapshot = tags ? tags_find_ident(tags, v->place.snapshot) : NULL;
    if (!v->snapshot)
        return gone(e, "the tag");
    return v->place.kind == PLACE_TAG_IMAGE ? find_disk(v, e) : 0;
}

static int find_snapshot(struct view *v, struct err *e)
{
    if (place_is_in_tag(&v->place))
        return find_tag(v, e);
    v->snapshot = domain_find_ident(v->domain, v->place.snapshot);
    if (!v->snapshot)
        return gone(e, "the snapshot");
    if (v->place.kind == PLACE_IMAGE)
        return find_disk(v, e);
    bool is_link = v->place.kind == PLACE_DEEP || v->place.kind == PLACE_NAME;
    if (is_link && v->snapshot->in_by_name != (v->place.kind == PLACE_DEEP))
        return gone(e, "the link");
    return 0;
}

int tree_view_in(struct domain *d, const struct place *p, struct view *ret, struct err *e)
{
    struct view v = {.place = *p, .domain = d, .fresh_until = d->fresh_until};
    int r = p->snapshot ? find_snapshot(&v, e) : 0;
    if (r < 0)
        return r;
    if (p->kind == PLACE_FILE)
        v.row = place_row(p);
    if (v.row && v.row->edition)
        v.fresh_until = 0; /* the file changes without libvirt */
    domain_ref(d);
    *ret = v;
    return 0;
}

int tree_edition(const struct tree *t, const struct place *p, struct err *e)
{
    const struct row *row = p->kind == PLACE_FILE ? place_row(p) : NULL;
    if (!row || !row->edition || row->edition(t, p->uuid) == place_edition(p))
        return 0;
    return gone(e, "the file");
}

/* Tells whether the place is shown while libvirt is away: such a file, or its directory. */
static bool is_shown_away(const struct place *p)
{
    return p->kind == PLACE_DOMAIN || (p->kind == PLACE_FILE && place_row(p)->away);
}

int tree_view(struct tree *t, const struct place *p, struct view *ret, struct err *e)
{
    if (p->kind == PLACE_ROOT) {
        *ret = (struct view){.place = *p, .fresh_until = clock_ns() + ROOT_FRESH_NS};
        return 0;
    }
    autodestroy(domain_unref) struct domain *d = NULL;
    bool away = is_shown_away(p) && model_domain_away(t->model, p->uuid, &d);
    int r = away ? 0 : model_domain(t->model, p->uuid, &d, e);
    if (r == -ENOENT)
        return gone(e, "the domain");
    const struct tag_list *tags;
    if (r == 0 && place_is_in_tag(p))
        r = model_tags(t->model, d, &tags, e);
    if (r == 0)
        r = tree_edition(t, p, e);
    return r < 0 ? r : tree_view_in(d, p, ret, e);
}

/* Returns the st_ino of a place in the snapshot (NULL: in none). `disk` is NULL unless it is an
 * image. */
static uint64_t ino_of(const struct place *p, const struct snapshot *s,
                       const struct snapshot_disk *disk)
{
    struct place lasting = *p;
    if (s)
        lasting.snapshot = s->number;
    if (disk)
        lasting.item = place_disk_item(disk->number, disk->file);
    return place_ino(&lasting);
}

uint64_t view_ino(const struct view *v)
{
    return ino_of(&v->place, v->snapshot, v->disk);
}

/* Finds the file or directory of that st_ino in the snapshot. Returns true and puts its place into
 * *p. */
static bool find_moved(const struct snapshot *s, uint64_t ino, struct place *p)
{
    bool image = place_is_image(p->kind), found = !image && ino_of(p, s, NULL) == ino;
    for (size_t i = 0; image && !found && i < s->n_images; i++) {
        found = ino_of(p, s, &s->disks[i]) == ino;
        if (found)
            p->item = place_disk_item(s->disks[i].ident, s->disks[i].file);
    }
    if (found)
        p->snapshot = s->ident;
    return found;
}

static bool find_place(struct domain *d, uint64_t ino, struct place *p)
{
    const struct tag_list *tags = place_is_in_tag(p) ? domain_tags(d) : NULL;
    for (size_t i = 0; tags && i < tags->n; i++)
        if (find_moved(&tags->tags[i], ino, p))
            return true;
    for (size_t i = 0; !place_is_in_tag(p) && i < d->n; i++)
        if (find_moved(&d->all[i], ino, p))
            return true;
    return false;
}

int tree_view_moved(struct tree *t, const struct place *p, uint64_t ino, struct view *ret,
                    struct err *e)
{
    autodestroy(domain_unref) struct domain *d = NULL;
    struct err ignored;
    struct place now = *p;
    int r = tree_view(t, p, ret, e);
    if (r != -ESTALE || !p->snapshot || model_domain(t->model, p->uuid, &d, &ignored) < 0 ||
        !find_place(d, ino, &now))
        return r;
    return tree_view_in(d, &now, ret, e);
}

void view_drop(struct view *v)
{
    domain_unref(v->domain);
    *v = (struct view){0};
}
