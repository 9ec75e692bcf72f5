/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file.c - open files: images, texts and command files.
 *
 * An image is read through the page cache, which lasts from open to open. A node's identity
 * includes the disk's, so the bytes never change, unless the files below are replaced. If they are
 * replaced while the image is open, a new open reads past the cache. A text is read past the cache,
 * with the bytes that it had at the open. A read buffer belongs to its thread. No locks.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "fuse/ahead.h"
#include "fuse/buffer.h"
#include "fuse/image_request.h"
#include "fuse/deferred.h"
#include "fuse/renewal.h"
#include "fuse/report.h"
#include "fuse/requests.h"
#include "image/image.h"
#include "image/partitions.h"
#include "model/reader/changes.h"
#include "model/reader/open_images.h"

/* ---- open ---- */

static int refuse_write(struct tree *t, const struct view *v, int flags, struct err *e)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    if (!writes)
        return 0;
    int r = tree_may_write(t, v, e);
    if (r < 0)
        return r;
    if (v->place.cow && (flags & O_TRUNC))
        return tree_refuse_size(e);
    if (v->place.cow)
        return 0;
    if (v->row->whole && (flags & O_APPEND))
        return err_fail(e, EINVAL, "a write replaces all of '%s'; nothing can be appended to it",
                        v->row->name);
    return 0;
}

static int open_text(struct fs *fs, const struct view *v, struct handle *h,
                     struct fuse_file_info *fi, struct err *e)
{
    fi->direct_io = 1;
    autofree char *text = NULL;
    size_t len;
    int r = tree_text(&fs->tree, v, &text, &len, e);
    if (r == 0)
        r = tree_edition(&fs->tree, &v->place, e); /* the text's edition may be newer */
    if (r == 0)
        r = budget_take(len, e);
    if (r < 0)
        return r;
    h->text = take(text);
    h->text_len = len;
    return 0;
}

/* Has the kernel ask for st_blocks, which can now be exact, and drop old pages. */
static void opened_first(struct fs *fs, fuse_ino_t ino, enum table_pages pages)
{
    off_t from = pages == PAGES_OLD ? 0 : -1;
    if (fuse_lowlevel_notify_inval_inode(fs->session, ino, from, 0) == 0 && from == 0)
        table_pages_dropped(fs->table, ino);
}

/* Notes the open before it is made, so that a delete does not miss it. */
static int begin_image(struct fs *fs, const struct view *v, struct handle *h, const struct stat *st,
                       pid_t pid, struct err *e)
{
    autotext struct text path = {0};
    tree_path(&fs->tree, &v->place, NULL, &path);
    const char *name = path.failed || !path.s ? NULL : strrchr(path.s, '/');
    struct image_opener who = {name ? name + 1 : v->disk->file, st->st_ino, pid};
    return open_image_begin(fs->tree.model, v->domain, v->snapshot, v->disk, &who, &h->open, e);
}

/* Opens the image and sets its size. Until now the size is that of an earlier look, which may have
 * failed. */
static int read_image(struct fs *fs, const struct view *v, struct handle *h, struct stat *st,
                      pid_t pid, struct err *e)
{
    struct partition part;
    int r = tree_stat(&fs->tree, v, st, e);
    if (r == 0)
        r = tree_part(&fs->tree, v, &part, e);
    if (r == 0)
        r = begin_image(fs, v, h, st, pid, e);
    if (r == 0)
        r = model_image_open(fs->tree.model, v->domain, v->snapshot, v->disk, &h->image, e);
    if (r == 0)
        r = image_start(h->image, e);
    if (r < 0)
        return r;
    h->begin = part.offset;
    h->end = min_u64(part.length, image_size(h->image) - part.offset) + part.offset;
    st->st_size = (off_t)(h->end - h->begin);
    return 0;
}

/* Moves other opens of the file to its present files, because they may still read the files from
 * before an operation. Then all opens share the kernel's pages, and a view. */
static int renew_others(struct deferred *d, struct handle *h, struct err *e)
{
    struct fs *fs = fs_of(d->req);
    if (!renewal_is_due(fs, d->ino, h->image))
        return 0;
    if (d->waits)
        return renewal_of_node(fs, d->ino, h->image, deferred_look, d, e);
    d->needs_thread = true;
    return err_fail(e, EBUSY, "the files of the image have changed");
}

static int open_image(struct deferred *d, const struct view *v, struct handle *h, struct err *e)
{
    struct fs *fs = fs_of(d->req);
    struct stat st;
    enum table_pages pages;
    int r = read_image(fs, v, h, &st, fuse_req_ctx(d->req)->pid, e);
    if (r == 0)
        r = renew_others(d, h, e);
    if (r == 0 && v->place.cow)
        r = cow_open(fs, d->ino, &st, h, &d->fi, e);
    if (r < 0)
        return r;
    bool first = table_image_opened(fs->table, d->ino, h->image, &st, &pages);
    h->in_table = true;
    handle_is_open(h, d->ino);
    if (first)
        opened_first(fs, d->ino, pages);
    ahead_raise(fs);
    if (v->place.cow)
        return 0;
    d->fi.keep_cache = pages == PAGES_RIGHT;
    d->fi.direct_io = pages == PAGES_OTHER;
    return 0;
}

static int open_view(struct deferred *d, const struct view *v, struct handle *h, struct err *e)
{
    struct fs *fs = fs_of(d->req);
    int r = refuse_write(&fs->tree, v, d->fi.flags, e);
    if (r < 0)
        return r;
    if (v->disk)
        return open_image(d, v, h, e);
    if (v->row)
        return open_text(fs, v, h, &d->fi, e);
    return err_fail(e, EISDIR, "this is not a file");
}

/* Closes a handle. Returns true if a .cow file's view ended with it. */
static bool close_handle(struct fs *fs, fuse_ino_t ino, struct handle *h)
{
    bool dropped = h && h->in_cows && cows_close(&fs->cows, ino);
    if (h && h->in_table) {
        struct image *im autodestroy(image_unref) = handle_image(h);
        table_image_closed(fs->table, ino);
        model_image_changed(fs->tree.model, h->place.uuid, im);
    }
    handle_free(h);
    return dropped;
}

/* Replaces ENOENT by EIO. tar and rsync forgive ENOENT, because they take it for a file that was
 * removed meanwhile. */
static void not_vanished(const struct place *p, struct err *e)
{
    struct err why = *e;
    if (place_is_image(p->kind) && (why.no == ENOENT || why.no == ENOTDIR))
        err_fail(e, EIO, "%s (%s)", why.text, err_name(why.no));
}

static int attempt_open(struct deferred *d, struct err *e)
{
    struct fs *fs = fs_of(d->req);
    autoview struct view v = {0};
    int r = fs_view(fs, d->ino, &d->place, &v, e);
    struct handle *h = r < 0 ? NULL : handle_new(&fs->handles, &d->place);
    if (r == 0)
        r = h ? open_view(d, &v, h, e) : err_nomem(e);
    if (r == 0) {
        d->h = h;
        return 0;
    }
    close_handle(fs, d->ino, h);
    if (d->needs_thread && !d->waits)
        return CHANGES_HERE;
    return place_is_image(d->place.kind) ? deferred_reason(fs, d->place.uuid, v.disk, e) : r;
}

static bool takes_documents(const struct place *p)
{
    return p->kind == PLACE_FILE && place_row(p)->documents;
}

static void answer_open(struct deferred *d, int r, struct err *e)
{
    struct fs *fs = fs_of(d->req);
    if (r < 0) {
        struct op op = op_of(d->req, "open", &d->place, NULL);
        model_blame_verb(fs->tree.model, d->place.uuid, e);
        not_vanished(&d->place, e);
        reply_failure(d->req, &op, e);
        return;
    }
    struct handle *h = d->h;
    d->fi.fh = (uintptr_t)h;
    /* Only pages written by mmap, and documents, are kept back until a flush. Without a flush a
     * close succeeds even after snapfs has ended. */
    d->fi.noflush = !h->in_cows && !takes_documents(&h->place);
    if (fuse_reply_open(d->req, &d->fi) != 0)
        close_handle(fs, d->ino, h);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct deferred d = {
        .req = req, .ino = ino, .fi = *fi, .attempt = attempt_open, .answer = answer_open};
    deferred_run(&d);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct fuse_session *session = fs_of(req)->session;
    drop_input(fs_of(req), handle_of(fi));
    bool dropped = close_handle(fs_of(req), ino, handle_of(fi));
    fuse_reply_err(req, 0);
    if (dropped)
        cow_drop_pages(session, ino);
}

/* ---- read ---- */

/* Replies from a copy, because the reader may close the file, which frees its text, before the
 * reply returns. */
static void reply_text(fuse_req_t req, const char *text, size_t len, size_t size, off_t off)
{
    size_t from = min_u64((uint64_t)off, len);
    size_t n = min_u64(min_u64(size, len - from), IMAGE_READ_MAX);
    char *buf = thread_buffer(n);
    if (!buf) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    memcpy(buf, text + from, n);
    fuse_reply_buf(req, buf, n);
    thread_buffer_done();
}

/* Reads beyond the text of the open from the data added since then, for `tail -f`. */
static void read_added(fuse_req_t req, const struct handle *h, size_t size, off_t off)
{
    struct fs *fs = fs_of(req);
    autoview struct view v = {0};
    autofree char *text = NULL;
    size_t len = 0;
    struct err e;
    int r = tree_view(&fs->tree, &h->place, &v, &e);
    if (r == 0)
        r = tree_text(&fs->tree, &v, &text, &len, &e);
    if (r == 0)
        r = tree_edition(&fs->tree, &h->place, &e);
    if (r < 0) /* the file ends here */
        reply_text(req, h->text, h->text_len, size, off);
    else
        reply_text(req, text, len, size, off);
}

static void read_text(fuse_req_t req, const struct handle *h, size_t size, off_t off)
{
    if (place_row(&h->place)->edition && (uint64_t)off + size > h->text_len)
        read_added(req, h, size, off);
    else
        reply_text(req, h->text, h->text_len, size, off);
}

void transfer_failed(fuse_req_t req, const char *operation, struct handle *h, struct err *e)
{
    struct model *m = fs_of(req)->tree.model;
    struct op op = op_of(req, operation, &h->place, NULL);
    model_blame_verb(m, h->place.uuid, e);
    if (atomic_exchange(&h->failed, true))
        fuse_reply_err(req, e->no);
    else
        reply_failure(req, &op, e);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    struct image_request q = {.req = req, .h = h, .ino = ino, .size = size, .off = off};
    if (off < 0)
        fuse_reply_err(req, EINVAL);
    else if (h->in_table)
        image_request_run(&q);
    else
        read_text(req, h, size, off);
}

/* ---- lseek: only SEEK_DATA and SEEK_HOLE come here ---- */

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    struct image_request q = {
        .req = req, .h = h, .ino = ino, .kind = IMAGE_SEEK, .off = off, .whence = whence};
    struct err e;
    uint64_t at = 0;
    int r;
    if (off < 0 || (whence != SEEK_DATA && whence != SEEK_HOLE))
        r = err_fail(&e, EINVAL, "seek to %lld, %d", (long long)off, whence);
    else if (h->in_table) {
        image_request_run(&q);
        return;
    } else
        r = seek_full(h->text_len, (uint64_t)off, whence, &at, &e);
    if (r == 0)
        fuse_reply_lseek(req, (off_t)at);
    else
        image_request_fail(&q, &e);
}
