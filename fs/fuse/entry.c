/* SPDX-License-Identifier: GPL-3.0-or-later */
/* entry.c - names and attributes: lookup, forget, getattr, readlink, statfs. No locks. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fuse/report.h"
#include "fuse/requests.h"
#include "image/image.h"

enum { BLOCK_SIZE = 4096 };

double fs_seconds_until(uint64_t until)
{
    uint64_t now = clock_ns();
    return until > now ? (double)(until - now) / 1e9 : 0;
}

/* An open image answers without libvirt, which may be away, and after its snapshot has gone. */
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

/* The attributes of a view, those of an image that is open among them. */
int fs_entry(struct fs *fs, const struct view *v, uint64_t entry_until,
             struct fuse_entry_param *ret, struct err *e)
{
    struct fuse_entry_param entry = {.generation = fs->generation};
    int r = tree_stat(&fs->tree, v, &entry.attr, e);
    if (r == 0)
        r = table_lookup(fs->table, &v->place, &entry.ino, e);
    if (r < 0)
        return r;
    if (entry.ino == TABLE_ROOT_ID)
        entry.generation = 0; /* as the kernel has it */
    open_image_attr(fs, entry.ino, &entry.attr);
    entry.attr_timeout = fs_seconds_until(v->fresh_until);
    entry.entry_timeout = fs_seconds_until(entry_until);
    *ret = entry;
    return 0;
}

void fs_reply_entry(fuse_req_t req, const struct fuse_entry_param *entry)
{
    struct table *table = fs_of(req)->table; /* the reply may end the request */
    fuse_ino_t ino = entry->ino;
    if (fuse_reply_entry(req, entry) != 0)
        table_forget(table, ino, 1);
}

static int lookup(struct fs *fs, const struct place *dir, const char *name,
                  struct fuse_entry_param *ret, bool *ret_image, struct err *e)
{
    autoview struct view v = {0};
    struct found found;
    int r = tree_view(&fs->tree, dir, &v, e);
    if (r < 0)
        return r;
    r = tree_lookup(&fs->tree, &v, name, &found, e);
    *ret_image = found.is_image;
    if (r < 0)
        return r;
    r = fs_entry(fs, &found.view, found.entry_until, ret, e);
    view_drop(&found.view);
    return r;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fs *fs = fs_of(req);
    struct place dir;
    struct fuse_entry_param entry;
    struct err e;
    bool is_image = false;
    int r = table_place(fs->table, parent, &dir, &e);
    if (r == 0)
        r = lookup(fs, &dir, name, &entry, &is_image, &e);
    if (r == 0)
        fs_reply_entry(req, &entry);
    else if (is_image) {
        struct op op = op_of(req, "open", &dir, name);
        reply_failure(req, &op, &e);
    } else
        reply_quietly(req, "lookup", &e);
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

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    struct fs *fs = fs_of(req);
    autoview struct view v = {0};
    struct place p;
    struct stat st;
    struct err e;
    if (open_image_attr(fs, ino, &st)) {
        fuse_reply_attr(req, &st, fs->cache);
        return;
    }
    int r = table_place(fs->table, ino, &p, &e);
    if (r == 0)
        r = tree_view(&fs->tree, &p, &v, &e);
    if (r == 0)
        r = tree_stat(&fs->tree, &v, &st, &e);
    if (r == 0)
        fuse_reply_attr(req, &st, fs_seconds_until(v.fresh_until));
    else
        reply_quietly(req, "getattr", &e);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    struct fs *fs = fs_of(req);
    autoview struct view v = {0};
    autofree char *target = NULL;
    struct place p;
    struct err e;
    int r = table_place(fs->table, ino, &p, &e);
    if (r == 0)
        r = tree_view(&fs->tree, &p, &v, &e);
    if (r == 0)
        r = tree_readlink(&v, &target, &e);
    if (r == 0)
        fuse_reply_readlink(req, target);
    else
        reply_quietly(req, "readlink", &e);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    (void)ino;
    uint64_t allocated = model_allocated(fs_of(req)->tree.model);
    struct statvfs st = {.f_bsize = BLOCK_SIZE,
                         .f_frsize = BLOCK_SIZE,
                         .f_blocks = allocated / BLOCK_SIZE + 1, /* df leaves out what has none */
                         .f_namemax = NAME_BYTES_MAX};
    fuse_reply_statfs(req, &st);
}
