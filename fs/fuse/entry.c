/* SPDX-License-Identifier: GPL-3.0-or-later */
/* entry.c - names and attributes: lookup, forget, getattr, readlink, statfs. No locks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fuse/deferred.h"
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

/* Tells whether a link has led the thread to the name, and leads elsewhere by now. */
static bool is_led_astray(struct fs *fs, pid_t thread, const char *name)
{
    autoview struct view v = {0};
    autofree char *then = NULL, *now = NULL;
    struct place p;
    struct err ignored;
    fuse_ino_t link = walks_led_by(&fs->walks, thread, name, &then);
    return link && fs_view(fs, link, &p, &v, &ignored) == 0 &&
           tree_readlink(&v, &now, &ignored) == 0 && strcmp(now, then) != 0;
}

/* Tells whether the path may have changed during the walk, so that the kernel must walk again. */
static bool must_walk_again(struct deferred *d, int r)
{
    struct fs *fs = fs_of(d->req);
    pid_t thread = fuse_req_ctx(d->req)->pid;
    if (d->waits)
        return false;
    bool moved = r == -ESTALE && d->place.snapshot;
    return (moved || (r == -ENOENT && is_led_astray(fs, thread, d->name))) &&
           walks_first(&fs->walks, thread, d->ino, d->name);
}

static int attempt_lookup(struct deferred *d, struct err *e)
{
    struct fs *fs = fs_of(d->req);
    autoview struct view v = {0};
    struct found found = {0};
    int r = fs_view(fs, d->ino, &d->place, &v, e);
    if (r == 0)
        r = tree_lookup(&fs->tree, &v, d->name, &found, e);
    d->is_image = found.is_image;
    if (r == 0)
        r = fs_entry(fs, &found.view, found.entry_until, &d->entry, e);
    view_drop(&found.view);
    if (must_walk_again(d, r))
        return err_fail(e, ESTALE, "the path may have changed");
    bool may_pass = d->is_image || (r == -ESTALE && d->place.snapshot);
    return r < 0 && may_pass ? deferred_reason(fs, d->place.uuid, NULL, e) : r;
}

static void answer_lookup(struct deferred *d, int r, struct err *e)
{
    if (r == 0)
        fs_reply_entry(d->req, &d->entry);
    else if (d->is_image) {
        struct op op = op_of(d->req, "open", &d->place, d->name);
        reply_failure(d->req, &op, e);
    } else
        reply_quietly(d->req, "lookup", e);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct deferred d = {
        .req = req, .ino = parent, .attempt = attempt_lookup, .answer = answer_lookup};
    d.name = (char *)(uintptr_t)name;
    deferred_run(&d);
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

static int attempt_getattr(struct deferred *d, struct err *e)
{
    struct fs *fs = fs_of(d->req);
    autoview struct view v = {0};
    d->st_seconds = fs->cache;
    if (open_image_attr(fs, d->ino, &d->st))
        return 0;
    int r = fs_view(fs, d->ino, &d->place, &v, e);
    if (r == 0)
        r = tree_stat(&fs->tree, &v, &d->st, e);
    d->st_seconds = fs_seconds_until(v.fresh_until);
    bool may_pass = place_is_image(d->place.kind);
    return r < 0 && may_pass ? deferred_reason(fs, d->place.uuid, v.disk, e) : r;
}

static void answer_getattr(struct deferred *d, int r, struct err *e)
{
    if (r == 0)
        fuse_reply_attr(d->req, &d->st, d->st_seconds);
    else
        reply_quietly(d->req, "getattr", e);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    struct deferred d = {
        .req = req, .ino = ino, .attempt = attempt_getattr, .answer = answer_getattr};
    deferred_run(&d);
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
        walks_link(&fs->walks, fuse_req_ctx(req)->pid, ino, target);
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
