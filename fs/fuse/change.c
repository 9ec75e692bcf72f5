/* change.c - requests that change a domain's snapshots: each runs on a task's thread and replies
 * from there, so that no FUSE worker waits for libvirt's slow calls. No locks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/report.h"
#include "fuse/requests.h"

struct change {
    fuse_req_t req;
    struct op op; /* leaf is owned */
    char *data;   /* what was written, and a NUL */
    size_t size;
    size_t answer; /* bytes that the write took */
};

static void change_free(struct change *c)
{
    if (!c)
        return;
    free((char *)(uintptr_t)c->op.leaf);
    free(c->data);
    free(c);
}
MEM_CLEANUP(struct change, change_free)

static struct change *change_new(fuse_req_t req, const struct op *op, const char *data, size_t size,
                                 size_t answer)
{
    autodestroy(change_free) struct change *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    *c = (struct change){.req = req, .op = *op, .size = size, .answer = answer};
    c->op.leaf = op->leaf ? strdup(op->leaf) : NULL;
    c->data = malloc(size + 1);
    if (!c->data || (op->leaf && !c->op.leaf))
        return NULL;
    if (size)
        memcpy(c->data, data, size);
    c->data[size] = '\0';
    return take(c);
}

/* Runs `run` with a change made of this, or replies why not. */
static void start(fuse_req_t req, const struct op *op, const char *data, size_t size, size_t answer,
                  void (*run)(void *))
{
    struct err e;
    struct change *c = change_new(req, op, data, size, answer);
    int r = c ? tasks_start(&fs_of(req)->tasks, run, c, &e) : err_nomem(&e);
    if (r == 0)
        return;
    change_free(c);
    reply_failure(req, op, &e);
}

static void run_mkdir(void *data)
{
    autodestroy(change_free) struct change *c = data;
    struct fs *fs = fs_of(c->req);
    autoview struct view v = {0};
    autotext struct text remark = {0};
    struct fuse_entry_param entry;
    struct err e;
    int r = tree_mkdir(&fs->tree, &c->op.place, c->op.leaf, &v, &remark, &e);
    if (r == 0)
        r = fs_entry(fs, &v, 0, &entry, &e);
    if (r < 0) {
        reply_failure(c->req, &c->op, &e);
        return;
    }
    report(fs, &c->op, NULL, remark.s);
    fs_reply_entry(c->req, &entry);
}

static void run_rmdir(void *data)
{
    autodestroy(change_free) struct change *c = data;
    struct fs *fs = fs_of(c->req);
    autotext struct text remark = {0};
    struct err e;
    if (tree_rmdir(&fs->tree, &c->op.place, c->op.leaf, &remark, &e) < 0) {
        reply_failure(c->req, &c->op, &e);
        return;
    }
    report(fs, &c->op, NULL, remark.s);
    fuse_reply_err(c->req, 0);
}

static void run_write(void *data)
{
    autodestroy(change_free) struct change *c = data;
    struct fs *fs = fs_of(c->req);
    autotext struct text remark = {0}, path = {0};
    struct err e;
    op_path(fs, &c->op, &path); /* the write may remove it */
    c->op.path = path.failed ? NULL : path.s;
    if (tree_store(&fs->tree, &c->op.place, c->data, c->size, &remark, &e) < 0) {
        reply_failure(c->req, &c->op, &e);
        return;
    }
    report(fs, &c->op, NULL, remark.s);
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

/* What is held of a document is answered at once. */
static void write_draft(fuse_req_t req, struct handle *h, const struct op *op, const char *buf,
                        size_t size)
{
    struct err e;
    bool whole = false;
    size_t len = 0;
    char *text = NULL;
    pthread_mutex_lock(&h->all->lock);
    h->uid = op->uid;
    h->pid = op->pid;
    int r = draft_add(&h->draft, buf, size, &whole, &e);
    if (r == 0 && whole && !(text = draft_take(&h->draft, &len)))
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
    (void)ino;
    struct err e;
    const struct place *p = &handle_of(fi)->place;
    const struct row *row = row_at((size_t)p->item); /* nothing else was opened for writing */
    struct op op = op_of(req, row->name, p, NULL);
    if (row->whole && off != 0) {
        err_fail(&e, EINVAL, "a write replaces the whole file, so it begins at 0");
        reply_failure(req, &op, &e);
        return;
    }
    if (row->documents)
        write_draft(req, handle_of(fi), &op, buf, size);
    else
        start(req, &op, buf, size, size, run_write);
}

void drop_draft(struct fs *fs, const struct handle *h)
{
    struct err e;
    if (!h->draft.text.len)
        return;
    const char *name = row_at((size_t)h->place.item)->name;
    struct op op = {.name = name, .uid = h->uid, .pid = h->pid, .place = h->place};
    err_fail(&e, EINVAL, "the file was closed before the document was whole; nothing was done");
    report(fs, &op, &e, NULL);
}
