/* SPDX-License-Identifier: GPL-3.0-or-later */
/* attr.c - stat, texts, links and paths of a view. No locks.
 *
 * No time is ever "now", so that tar and rsync find exactly the files that have changed:
 * - Directories, links and images have the time of the snapshot's creation.
 * - A domain's directory has the time of its latest snapshot, or of the mount's start if it has
 *   none.
 * - The root has the time of the mount's start.
 * - A text can change and keep its length, so its time is when the mount first saw its present
 *   bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/reader/parts.h"
#include "model/catalog/tag_dirs.h"
#include "node/dirs.h"
#include "node/tree.h"

enum {
    DIR_MODE = 0755,
    LINK_MODE = 0777,
    IMAGE_MODE = 0400,
    COW_MODE = 0600,
    TEXT_MODE = 0444,
    WRITE_MODE = 0666
};

static time_t latest_snapshot(const struct domain *d)
{
    int64_t latest = 0;
    for (size_t i = 0; i < d->n; i++)
        if (snapshot_created(&d->all[i]) > latest)
            latest = snapshot_created(&d->all[i]);
    return latest;
}

static struct timespec time_of_text(const struct tree *t, const struct view *v)
{
    struct timespec when = t->start;
    if (v->row->when)
        v->row->when(t, v, &when);
    else
        when = v->domain->seen;
    return when;
}

static struct timespec time_of(const struct tree *t, const struct view *v)
{
    struct timespec when = t->start;
    if (v->place.kind == PLACE_FILE)
        when = time_of_text(t, v);
    else if (v->disk && v->disk->untracked_tag)
        when = (struct timespec){.tv_sec = v->disk->untracked_tag->date};
    else if (v->snapshot)
        when = (struct timespec){.tv_sec = snapshot_created(v->snapshot)};
    else if (v->domain && v->domain->n)
        when = (struct timespec){.tv_sec = latest_snapshot(v->domain)};
    return when;
}

static mode_t dir_mode(const struct tree_options *o)
{
    return o->dmask == MASK_NONE ? DIR_MODE : (mode_t)(0777 & ~o->dmask);
}

static mode_t file_mode(const struct tree_options *o, const struct view *v)
{
    if (v->place.cow)
        return COW_MODE;
    bool writable = v->row && v->row->store;
    if (o->fmask != MASK_NONE)
        return (mode_t)((writable ? WRITE_MODE : TEXT_MODE) & ~o->fmask);
    return v->row ? v->row->mode : IMAGE_MODE;
}

static int stat_text(struct tree *t, const struct view *v, struct stat *st, struct err *e)
{
    autofree char *text = NULL;
    size_t len;
    int r = tree_text(t, v, &text, &len, e);
    if (r < 0)
        return r;
    st->st_mode = S_IFREG | file_mode(&t->options, v);
    st->st_size = (off_t)len;
    st->st_blocks = (blkcnt_t)((len + 511) / 512);
    return 0;
}

int tree_part(struct tree *t, const struct view *v, struct partition *ret, struct err *e)
{
    *ret = (struct partition){.length = UINT64_MAX};
    if (!v->place.part)
        return 0;
    int r = model_partition(t->model, v->domain, v->snapshot, v->disk, v->place.part, ret, e);
    return r == -ENOENT ? err_fail(e, ESTALE, "the partition that was here is gone") : r;
}

static int stat_image(struct tree *t, const struct view *v, struct stat *st, struct err *e)
{
    struct image_facts facts;
    int r = model_image_facts(t->model, v->domain, v->snapshot, v->disk, &facts, e);
    if (r < 0 && err_is_resource(-r))
        return r; /* an image that cannot be read has a size, too */
    struct partition part;
    r = tree_part(t, v, &part, e);
    if (r < 0)
        return r;
    if (v->place.part) {
        facts.size = part.length;
        facts.allocated = min_u64(facts.allocated, part.length);
    }
    st->st_mode = S_IFREG | file_mode(&t->options, v);
    st->st_size = (off_t)facts.size;
    st->st_blocks = (blkcnt_t)((facts.allocated + 511) / 512);
    return 0;
}

static int stat_link(const struct view *v, struct stat *st, struct err *e)
{
    autofree char *target = NULL;
    int r = tree_readlink(v, &target, e);
    if (r < 0)
        return r;
    st->st_mode = S_IFLNK | LINK_MODE;
    st->st_size = (off_t)strlen(target);
    return 0;
}

int tree_stat(struct tree *t, const struct view *v, struct stat *ret, struct err *e)
{
    struct timespec when = time_of(t, v);
    struct stat st = {
        .st_ino = view_ino(v),
        .st_nlink = 1,
        .st_uid = t->options.uid,
        .st_gid = t->options.gid,
        .st_blksize = 4096,
        .st_atim = when,
        .st_mtim = when,
        .st_ctim = when,
    };
    int r = 0;
    if (v->place.kind == PLACE_FILE)
        r = stat_text(t, v, &st, e);
    else if (place_is_image(v->place.kind))
        r = stat_image(t, v, &st, e);
    else if (place_type(&v->place) == S_IFLNK)
        r = stat_link(v, &st, e);
    else
        st.st_mode = S_IFDIR | dir_mode(&t->options);
    if (r == 0)
        *ret = st;
    return r;
}

int tree_text(struct tree *t, const struct view *v, char **ret, size_t *ret_len, struct err *e)
{
    if (v->row->show)
        return v->row->show(t, v, ret, ret_len, e);
    char *empty = calloc(1, 1);
    if (!empty)
        return err_nomem(e);
    *ret = empty;
    *ret_len = 0;
    return 0;
}

/* Adds "../" for each directory between the parent of a deep snapshot and the domain. */
static void add_steps_up(const struct snapshot *parent, struct text *out)
{
    autotext struct text path = {0};
    snapshot_path(parent, &path);
    if (path.failed || !path.s) {
        out->failed = true;
        return;
    }
    text_add(out, "../");
    for (const char *p = path.s; *p; p++)
        if (*p == '/')
            text_add(out, "../");
}

int tree_readlink(const struct view *v, char **ret, struct err *e)
{
    autotext struct text target = {0};
    if (v->place.kind == PLACE_CURRENT) {
        snapshot_path(v->domain->current, &target);
    } else if (v->place.kind == PLACE_NAME) {
        text_add(&target, "../");
        snapshot_path(v->snapshot, &target);
    } else if (v->place.kind == PLACE_DEEP) {
        add_steps_up(v->snapshot->parent, &target);
        snapshot_path(v->snapshot, &target);
    } else {
        return err_fail(e, EINVAL, "this is not a symbolic link");
    }
    char *s = text_take(&target, NULL);
    if (!s)
        return err_nomem(e);
    *ret = s;
    return 0;
}

/* Adds the place's own path below the domain's directory; "" for that directory itself. */
static void add_path_in_domain(const struct view *v, struct text *out)
{
    enum place_kind kind = v->place.kind;
    if (kind == PLACE_SNAPSHOTS || kind == PLACE_BY_NAME)
        text_add(out, kind == PLACE_BY_NAME ? "/by-name" : "/snapshots");
    if (kind == PLACE_UNMANAGED || place_is_in_tag(&v->place))
        text_add(out, "/unmanaged");
    if (v->snapshot && v->snapshot->untracked_tag) {
        text_add(out, "/%s", v->snapshot->coded);
    } else if (v->snapshot) {
        text_add(out, "/");
        snapshot_path(v->snapshot, out);
    }
    if (v->row)
        text_add(out, "/%s", v->row->name);
    if (v->disk)
        image_path(v, out);
}

void tree_path(struct tree *t, const struct place *p, const char *leaf, struct text *out)
{
    autoview struct view v = {0};
    struct err ignored;
    if (p->kind != PLACE_ROOT && tree_view(t, p, &v, &ignored) == 0) {
        text_add(out, "%s", v.domain->coded);
        add_path_in_domain(&v, out);
    } else if (p->kind != PLACE_ROOT) {
        text_add(out, "(domain %s)", p->uuid);
    }
    if (leaf)
        text_add(out, "%s%s", p->kind == PLACE_ROOT ? "" : "/", leaf);
}
