/* SPDX-License-Identifier: GPL-3.0-or-later */
/* directory.c - open directories.
 *
 * opendir takes the listing, and so does rewinddir; offsets are indexes into it. With parallel
 * dirops the kernel sends requests of one handle concurrently. But readers of one handle hold its
 * position lock in the VFS. No locks here. */
#include <errno.h>
#include <stdlib.h>

#include "fuse/report.h"
#include "fuse/requests.h"

enum { READDIR_MAX = 1024 * 1024 }; /* bytes of one reply, even if the kernel asks for more */

static int take_listing(struct fs *fs, fuse_ino_t ino, struct handle *h, struct err *e)
{
    autoview struct view v = {0};
    autodestroy(listing_free) struct listing *l = NULL;
    int r = fs_view(fs, ino, &h->place, &v, e);
    if (r == 0)
        r = tree_list(&fs->tree, &v, &l, e);
    if (r < 0)
        return r;
    listing_free(h->listing);
    h->listing = take(l);
    h->listed = false;
    return 0;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct fs *fs = fs_of(req);
    struct place p = {0};
    struct err e;
    int r = table_place(fs->table, ino, &p, &e);
    if (r < 0) {
        reply_quietly(req, "opendir", &e);
        return;
    }
    autodestroy(handle_free) struct handle *h = handle_new(&fs->handles, &p);
    r = h ? take_listing(fs, ino, h, &e) : err_nomem(&e);
    if (r < 0) {
        struct op op = op_of(req, "list", &p, NULL);
        reply_failure(req, &op, &e);
        return;
    }
    fi->fh = (uintptr_t)h;
    if (fuse_reply_open(req, fi) == 0)
        take(h);
}

/* Takes a new listing if the reader begins again, so that it shows the present state. */
static int begin(struct fs *fs, fuse_ino_t ino, struct handle *h, off_t off, struct err *e)
{
    int r = off == 0 && h->listed ? take_listing(fs, ino, h, e) : 0;
    h->listed = true;
    return r;
}

static bool is_dot(const struct listing_item *item)
{
    const char *n = item->name;
    return n[0] == '.' && (!n[1] || (n[1] == '.' && !n[2]));
}

/* Returns the attributes that a listing knows of the item. It also makes the item's view, if the
 * listing has a domain. */
static struct stat item_attr(const struct listing *l, const struct listing_item *item,
                             struct view *ret)
{
    struct err ignored;
    bool there = l->domain && tree_view_in(l->domain, &item->place, ret, &ignored) == 0;
    return (struct stat){.st_ino = there ? view_ino(ret) : place_ino(&item->place),
                         .st_mode = place_type(&item->place)};
}

/* Makes an entry of the item, with its attributes if they are at hand. A domain's attributes cost a
 * call to libvirt, and `ls` of the root need not wait for all of them. Without attributes the
 * kernel asks for them when it needs them. */
static void plus_entry(struct fs *fs, const struct listing *l, const struct listing_item *item,
                       struct fuse_entry_param *ret)
{
    autoview struct view v = {0};
    struct err ignored;
    *ret = (struct fuse_entry_param){.attr = item_attr(l, item, &v)};
    if (!v.domain || is_dot(item))
        return;
    struct fuse_entry_param entry;
    if (fs_entry(fs, &v, v.fresh_until, &entry, &ignored) == 0)
        *ret = entry;
}

static size_t add_plus(fuse_req_t req, struct handle *h, size_t i, char *buf, size_t left)
{
    struct fs *fs = fs_of(req);
    const struct listing_item *item = &h->listing->items[i];
    struct fuse_entry_param entry;
    plus_entry(fs, h->listing, item, &entry);
    size_t need = fuse_add_direntry_plus(req, buf, left, item->name, &entry, (off_t)i + 1);
    if (need > left && entry.ino)
        table_forget(fs->table, entry.ino, 1); /* it did not fit, so the kernel never sees it */
    return need;
}

static size_t add_plain(fuse_req_t req, struct handle *h, size_t i, char *buf, size_t left)
{
    const struct listing_item *item = &h->listing->items[i];
    autoview struct view v = {0};
    struct stat st = item_attr(h->listing, item, &v);
    return fuse_add_direntry(req, buf, left, item->name, &st, (off_t)i + 1);
}

typedef size_t add_fn(fuse_req_t req, struct handle *h, size_t i, char *buf, size_t left);

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct handle *h,
                 add_fn *add)
{
    struct err e;
    size_t used = 0;
    size = size < READDIR_MAX ? size : READDIR_MAX;
    autofree char *buf = malloc(size);
    int r = buf ? begin(fs_of(req), ino, h, off, &e) : err_nomem(&e);
    if (r < 0) {
        reply_quietly(req, "readdir", &e);
        return;
    }
    for (size_t i = off < 0 ? h->listing->n : (size_t)off; i < h->listing->n; i++) {
        size_t need = add(req, h, i, buf + used, size - used);
        if (need > size - used)
            break;
        used += need;
    }
    fuse_reply_buf(req, buf, used);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    list(req, ino, size, off, handle_of(fi), add_plain);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                    struct fuse_file_info *fi)
{
    list(req, ino, size, off, handle_of(fi), add_plus);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    handle_free(handle_of(fi));
    fuse_reply_err(req, 0);
}
