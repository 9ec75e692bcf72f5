/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change.c - requests that change a domain's snapshots. Each one runs on a task's thread and
 * replies from there, so that no FUSE worker waits for libvirt's slow calls.
 *
 * The kernel tells once that the caller was interrupted. A signal that counts (interrupt.h) may
 * follow one that does not. So another thread looks for such signals as long as the change runs.
 * Locks: `interrupted` is called inside libfuse's lock of the request.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/image_request.h"
#include "base/lock.h"
#include "fuse/interrupt.h"
#include "fuse/report.h"
#include "fuse/requests.h"
#include "model/activity/task.h"
#include "model/reader/holders.h"

struct change {
    atomic_uint refs; /* the task's thread, and the threads that watch it */
    fuse_req_t req;   /* only for the task's thread */
    struct tasks *tasks;
    struct task task;
    struct text path;
    struct op op; /* leaf is owned */
    char *data;   /* the written bytes, and a NUL */
    size_t size;
    size_t answer; /* bytes that the reply to the write reports */
};

static void change_unref(struct change *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    text_drop(&c->path);
    free((char *)(uintptr_t)c->op.leaf);
    free(c->data);
    free(c);
}
MEM_CLEANUP(struct change, change_unref)

static struct change *change_new(fuse_req_t req, const struct op *op, const char *data, size_t size,
                                 size_t answer)
{
    autodestroy(change_unref) struct change *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    *c = (struct change){.refs = 1, .req = req, .op = *op, .size = size, .answer = answer};
    c->tasks = &fs_of(req)->tasks;
    c->op.leaf = op->leaf ? strdup(op->leaf) : NULL;
    c->data = malloc(size + 1);
    if (!c->data || (op->leaf && !c->op.leaf))
        return NULL;
    if (size)
        memcpy(c->data, data, size);
    c->data[size] = '\0';
    return take(c);
}

/* Runs `run` with a change made from these arguments, or replies with the reason why not. */
static void start(fuse_req_t req, const struct op *op, const char *data, size_t size, size_t answer,
                  void (*run)(void *))
{
    struct err e;
    struct change *c = change_new(req, op, data, size, answer);
    int r = c ? tasks_start(&fs_of(req)->tasks, run, c, &e) : err_nomem(&e);
    if (r == 0)
        return;
    change_unref(c);
    reply_failure(req, op, &e);
}

/* ---- interrupts ---- */

static void watch(void *data)
{
    autodestroy(change_unref) struct change *c = data;
    while (!interrupt_pending(c->op.pid))
        if (!task_wait(&c->task, INTERRUPT_LOOK_MS))
            return;
    task_unwanted(&c->task);
}

/* Starts a watching thread. A FUSE worker calls it, and must not wait. If no thread can be started,
 * the change runs to its end. */
static void interrupted(fuse_req_t req, void *data)
{
    (void)req;
    struct change *c = data;
    struct err ignored;
    atomic_fetch_add(&c->refs, 1);
    if (tasks_watch(c->tasks, watch, c, &ignored) < 0)
        atomic_fetch_sub(&c->refs, 1); /* never the last reference */
}

static void begin(struct change *c)
{
    struct fs *fs = fs_of(c->req);
    walks_link(&fs->walks, c->op.pid, 0, NULL);
    op_path(fs, &c->op, &c->path); /* before the change removes it */
    c->op.path = c->path.failed ? NULL : c->path.s;
    task_begin(&c->task, fs->tree.model, c->op.name, c->op.path ? c->op.path : "?");
    fuse_req_interrupt_func(c->req, interrupted, c);
}

/* Ends the part that can be interrupted. It adds a remark if an interrupt changed nothing. */
static void end(struct change *c, int result, struct text *remark, struct err *e)
{
    struct err why = *e;
    task_end(&c->task);
    fuse_req_interrupt_func(c->req, NULL, NULL);
    if (!task_is_unwanted(&c->task) || result == -EINTR)
        return;
    if (result < 0)
        err_fail(e, why.no, "%s; an interrupt came meanwhile", why.text);
    else
        text_add(remark, "%san interrupt came; it could not be aborted, and ran to its end",
                 remark->len ? "; " : "");
}

/* Has the kernel drop its pages of a snapshot that was deleted while it was open. */
static void drop_pages(void *ctx, uint64_t ino)
{
    const struct fs *fs = ctx;
    fuse_lowlevel_notify_inval_inode(fs->session, ino, 0, 0);
}

static void succeeded(struct change *c, const char *remark)
{
    struct fs *fs = fs_of(c->req);
    handles_each_gone(&fs->handles, drop_pages, fs);
    report(fs, &c->op, NULL, remark);
}

/* ---- the requests ---- */

static void run_mkdir(void *data)
{
    autodestroy(change_unref) struct change *c = data;
    struct fs *fs = fs_of(c->req);
    autoview struct view v = {0};
    autotext struct text remark = {0};
    struct fuse_entry_param entry;
    struct err e = {0};
    begin(c);
    int r = tree_mkdir(&fs->tree, &c->op.place, c->op.leaf, &v, &remark, &e);
    end(c, r, &remark, &e);
    if (r == 0)
        r = fs_entry(fs, &v, 0, &entry, &e);
    if (r < 0) {
        reply_failure(c->req, &c->op, &e);
        return;
    }
    succeeded(c, remark.s);
    fs_reply_entry(c->req, &entry);
}

static void run_rmdir(void *data)
{
    autodestroy(change_unref) struct change *c = data;
    struct fs *fs = fs_of(c->req);
    autotext struct text remark = {0};
    struct err e = {0};
    begin(c);
    int r = tree_rmdir(&fs->tree, &c->op.place, c->op.leaf, &remark, &e);
    end(c, r, &remark, &e);
    if (r < 0) {
        reply_failure(c->req, &c->op, &e);
        return;
    }
    succeeded(c, remark.s);
    fuse_reply_err(c->req, 0);
}

static void run_write(void *data)
{
    autodestroy(change_unref) struct change *c = data;
    struct fs *fs = fs_of(c->req);
    autotext struct text remark = {0};
    struct err e = {0};
    begin(c);
    int r = tree_store(&fs->tree, &c->op.place, c->data, c->size, &remark, &e);
    end(c, r, &remark, &e);
    if (r < 0) {
        reply_failure(c->req, &c->op, &e);
        return;
    }
    succeeded(c, remark.s);
    fuse_reply_write(c->req, c->answer);
}

static void start_in(fuse_req_t req, fuse_ino_t parent, const char *name, const char *operation,
                     void (*run)(void *))
{
    struct place p;
    struct err e;
    if (table_place(fs_of(req)->table, parent, &p, &e) < 0) {
        reply_quietly(req, operation, &e);
        return;
    }
    struct op op = op_of(req, operation, &p, name);
    start(req, &op, NULL, 0, 0, run);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    (void)mode;
    start_in(req, parent, name, "mkdir", run_mkdir);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    start_in(req, parent, name, "rmdir", run_rmdir);
}

/* Adds a part of a document. The write is answered at once, unless the document is now whole. */
static void write_input(fuse_req_t req, struct handle *h, const struct op *op, const char *buf,
                        size_t size)
{
    struct err e;
    bool whole = false;
    size_t len = 0;
    char *text = NULL;
    pthread_mutex_lock(&h->all->lock);
    h->uid = op->uid;
    h->pid = op->pid;
    int r = input_add(&h->input, buf, size, &whole, &e);
    if (r == 0 && whole && !(text = input_take(&h->input, &len)))
        r = err_nomem(&e);
    pthread_mutex_unlock(&h->all->lock);
    if (r < 0)
        reply_failure(req, op, &e);
    else if (whole)
        start(req, op, text, len, size, run_write);
    else
        fuse_reply_write(req, size);
    free(text);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
              struct fuse_file_info *fi)
{
    struct err e;
    const struct place *p = &handle_of(fi)->place;
    if (handle_of(fi)->in_cows) {
        struct image_request q = {.req = req,
                                  .h = handle_of(fi),
                                  .ino = ino,
                                  .kind = IMAGE_WRITE,
                                  .data = buf,
                                  .size = size,
                                  .off = off};
        image_request_run(&q);
        return;
    }
    const struct row *row = place_row(p); /* no other file was opened for writing */
    struct op op = op_of(req, row->name, p, NULL);
    if (row->whole && off != 0) {
        err_fail(&e, EINVAL, "a write replaces the whole file, so it begins at 0");
        reply_failure(req, &op, &e);
        return;
    }
    if (row->documents)
        write_input(req, handle_of(fi), &op, buf, size);
    else
        start(req, &op, buf, size, size, run_write);
}

static bool has_input(struct handle *h)
{
    autolock(&h->all->lock);
    return h->input.text.len;
}

/* Refuses to close a document that is not whole. The kernel also sends a flush if a duplicate is
 * closed, or if a shell's child ends. The shell may then go on to write. So only the close of the
 * last descriptor fails. */
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    struct handle *h = handle_of(fi);
    bool partial = has_input(h) && !holders_any(place_row(&h->place)->name, place_ino(&h->place));
    fuse_reply_err(req, partial ? EINVAL : 0);
}

void drop_input(struct fs *fs, const struct handle *h)
{
    struct err e;
    if (!h->input.text.len)
        return;
    const char *name = place_row(&h->place)->name;
    struct op op = {.name = name, .uid = h->uid, .pid = h->pid, .place = h->place};
    err_fail(&e, EINVAL, "the file was closed before the document was whole; nothing was done");
    report(fs, &op, &e, NULL);
}
