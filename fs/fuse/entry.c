/* SPDX-License-Identifier: GPL-3.0-or-later */
/* entry.c - names and attributes: lookup, forget, getattr, readlink, statfs. No locks. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fuse/late.h"
#include "fuse/report.h"
#include "fuse/requests.h"
#include "image/image.h"
#include "model/reader/changes.h"

enum { BLOCK_SIZE = 4096 };

double fs_seconds_until(uint64_t until)
{
    uint64_t now = clock_ns();
    return until > now ? (double)(until - now) / 1e9 : 0;
}

/* Returns the attributes of an open image, without libvirt. libvirt may be away, or the snapshot
 * may be gone. */
static bool open_image_attr(struct fs *fs, fuse_ino_t ino, struct stat *ret)
{
    struct image *im;
    if (!table_image(fs->table, ino, ret, &im))
        return false;
    uint64_t bytes = min_u64(image_measure(im), (uint64_t)ret->st_size); /* of a partition, too */
    ret->st_blocks = (blkcnt_t)((bytes + 511) / 512);
    image_unref(im);
    return true;
}

/* Fills an entry with a view's attributes. If it is an open image, the open image's attributes
 * count. */
int fs_entry(struct fs *fs, const struct view *v, uint64_t entry_until,
             struct fuse_entry_param *ret, struct err *e)
{
    struct fuse_entry_param entry = {.generation = fs->generation};
    int r = tree_stat(&fs->tree, v, &entry.attr, e);
    if (r == 0)
        r = table_lookup(fs->table, &v->place, entry.attr.st_ino, &entry.ino, e);
    if (r < 0)
        return r;
    if (entry.ino == TABLE_ROOT_ID)
        entry.generation = 0; /* the kernel uses 0 for the root */
    open_image_attr(fs, entry.ino, &entry.attr);
    entry.attr_timeout = fs_seconds_until(v->fresh_until);
    entry.entry_timeout = fs_seconds_until(entry_until);
    *ret = entry;
    return 0;
}

void fs_reply_entry(fuse_req_t req, const struct fuse_entry_param *entry)
{
    struct table *table = fs_of(req)->table; /* after the reply, `req` may be gone */
    fuse_ino_t ino = entry->ino;
    if (fuse_reply_entry(req, entry) != 0)
        table_forget(table, ino, 1);
}

int fs_view(struct fs *fs, fuse_ino_t ino, struct place *ret_place, struct view *ret, struct err *e)
{
    int r = table_place(fs->table, ino, ret_place, e);
    if (r == 0)
        r = tree_view_moved(&fs->tree, ret_place, table_number(fs->table, ino), ret, e);
    if (r == 0)
        *ret_place = ret->place;
    return r;
}

/* Tells whether the name may be gone only from the path that the walk has used. */
static bool is_retold(struct late *l, int r)
{
    struct fs *fs = fs_of(l->req);
    const struct place *p = &l->place;
    bool moved = r == -ESTALE && p->snapshot;
    bool gone =
        r == -ENOENT && !l->is_image && (p->kind == PLACE_SNAPSHOT || p->kind == PLACE_SNAPSHOTS) &&
        (retold_is_deleted(&fs->retold, p->uuid) || changes_by_others(fs->tree.model, p->uuid));
    pid_t thread = fuse_req_ctx(l->req)->pid;
    return !l->waits && (moved || (gone && retold_is_led(&fs->retold, thread, l->name))) &&
           retold_first(&fs->retold, thread, l->ino, l->name);
}

static int attempt_lookup(struct late *l, struct err *e)
{
    struct fs *fs = fs_of(l->req);
    autoview struct view v = {0};
    struct found found = {0};
    int r = fs_view(fs, l->ino, &l->place, &v, e);
    if (r == 0)
        r = tree_lookup(&fs->tree, &v, l->name, &found, e);
    l->is_image = found.is_image;
    if (r == 0)
        r = fs_entry(fs, &found.view, found.entry_until, &l->entry, e);
    view_drop(&found.view);
    if (is_retold(l, r))
        return err_fail(e, ESTALE, "the path may have changed");
    bool may_pass = l->is_image || (r == -ESTALE && l->place.snapshot);
    return r < 0 && may_pass ? late_reason(fs, l->place.uuid, NULL, e) : r;
}

static void answer_lookup(struct late *l, int r, struct err *e)
{
    if (r == 0)
        fs_reply_entry(l->req, &l->entry);
    else if (l->is_image) {
        struct op op = op_of(l->req, "open", &l->place, l->name);
        reply_failure(l->req, &op, e);
    } else
        reply_quietly(l->req, "lookup", e);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct late l = {.req = req, .ino = parent, .attempt = attempt_lookup, .answer = answer_lookup};
    l.name = (char *)(uintptr_t)name;
    late_run(&l);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
    table_forget(fs_of(req)->table, ino, nlookup);
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        table_forget(fs_of(req)->table, forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(req);
}

static int attempt_getattr(struct late *l, struct err *e)
{
    struct fs *fs = fs_of(l->req);
    autoview struct view v = {0};
    l->st_seconds = fs->cache;
    if (open_image_attr(fs, l->ino, &l->st))
        return 0;
    int r = fs_view(fs, l->ino, &l->place, &v, e);
    if (r == 0)
        r = tree_stat(&fs->tree, &v, &l->st, e);
    l->st_seconds = fs_seconds_until(v.fresh_until);
    bool may_pass = place_is_image(l->place.kind);
    return r < 0 && may_pass ? late_reason(fs, l->place.uuid, v.disk, e) : r;
}

static void answer_getattr(struct late *l, int r, struct err *e)
{
    if (r == 0)
        fuse_reply_attr(l->req, &l->st, l->st_seconds);
    else
        reply_quietly(l->req, "getattr", e);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    struct late l = {.req = req, .ino = ino, .attempt = attempt_getattr, .answer = answer_getattr};
    late_run(&l);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    struct fs *fs = fs_of(req);
    autoview struct view v = {0};
    autofree char *target = NULL;
    struct place p;
    struct err e;
    int r = fs_view(fs, ino, &p, &v, &e);
    if (r == 0)
        r = tree_readlink(&v, &target, &e);
    if (r == 0) {
        retold_link(&fs->retold, fuse_req_ctx(req)->pid, target);
        fuse_reply_readlink(req, target);
    } else
        reply_quietly(req, "readlink", &e);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    (void)ino;
    uint64_t allocated = model_allocated(fs_of(req)->tree.model);
    struct statvfs st = {.f_bsize = BLOCK_SIZE,
                         .f_frsize = BLOCK_SIZE,
                         .f_blocks = allocated / BLOCK_SIZE + 1, /* df hides a size of 0 blocks */
                         .f_namemax = NAME_BYTES_MAX};
    fuse_reply_statfs(req, &st);
}
