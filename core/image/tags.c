/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tags.c - see tags.h. */
#include "image/tags.h"

#include <errno.h>

#include "base/budget.h"
#include "base/hash.h"
#include "base/text.h"
#include "image/layer.h"
#include "image/path.h"

enum { TAGS_TRIES = 8, TAGS_GROW = 2 /* an array that doubles may have up to twice its size */ };

void image_tags_free(struct image_tags *t)
{
    if (!t)
        return;
    budget_give(t->counted);
    free(t->tags);
    free(t->strings);
    free(t->backing);
    free(t->backing_format);
    free(t);
}

/* The reader of a table. Names go into a text first, because the text moves while it grows. */
struct tags_reader {
    struct image_tags *t;
    size_t cap;
    struct text strings;
};

static int reserve(struct tags_reader *r, struct err *e)
{
    if (r->t->n < r->cap)
        return 0;
    size_t cap = r->cap ? r->cap * 2 : 16;
    struct image_tag *tags = reallocarray(r->t->tags, cap, sizeof(*tags));
    if (!tags)
        return err_nomem(e);
    r->t->tags = tags;
    r->cap = cap;
    return 0;
}

/* Adds an entry. A NUL inside a name ends it, as for every reader of text. */
static int add(struct tags_reader *r, const struct snapshot *s, struct err *e)
{
    size_t room = TAGS_GROW * (sizeof(struct image_tag) + s->id_len + s->name_len);
    int res = budget_take(room, e);
    if (res < 0)
        return res;
    r->t->counted += room;
    res = reserve(r, e);
    if (res < 0)
        return res;
    r->t->tags[r->t->n++] = (struct image_tag){
        .disk_size = s->disk_size,
        .vm_state_size = s->vm_state_size,
        .date_sec = s->date_sec,
        .date_nsec = s->date_nsec,
        .identity = {.dev = r->t->file.dev, .ino = r->t->file.ino, .entry = snapshot_hash(s)},
    };
    text_put(&r->strings, s->id, strnlen(s->id, s->id_len));
    text_put(&r->strings, "", 1);
    text_put(&r->strings, s->name, strnlen(s->name, s->name_len));
    text_put(&r->strings, "", 1);
    return r->strings.failed ? err_nomem(e) : 0;
}

static int finish(struct tags_reader *r, struct err *e)
{
    char *at = r->t->strings = text_take(&r->strings, NULL);
    if (!at)
        return err_nomem(e);
    for (size_t i = 0; i < r->t->n; i++) {
        r->t->tags[i].id = at;
        at += strlen(at) + 1;
        r->t->tags[i].name = at;
        at += strlen(at) + 1;
    }
    return 0;
}

static int walk_table(struct tags_reader *r, const struct image_file *f, const struct header *h,
                      struct err *e)
{
    struct snapshot_walk w;
    struct snapshot s;
    int res;
    snapshot_walk_begin(&w, f, h->snapshots, h->snapshots_offset, h->size, 0);
    while ((res = snapshot_walk_next(&w, &s, e)) == 1) {
        res = add(r, &s, e);
        if (res < 0)
            break;
    }
    snapshot_walk_end(&w);
    return res < 0 ? res : finish(r, e);
}

static int take_backing(struct image_tags *t, const char *path, struct header *h, struct err *e)
{
    int lead = h->backing ? path_lead(path, h->backing, &t->backing) : PATH_LOCAL;
    if (lead == -ENOMEM)
        return err_nomem(e);
    if (lead != PATH_LOCAL)
        free(take(t->backing));
    t->backing_format = take(h->ext.backing_format);
    return 0;
}

/* Reads the whole table once. *ret_hash tells one reading from another. */
static int read_once(const struct image_file *f, struct image_tags *t, uint64_t *ret_hash,
                     struct err *e)
{
    struct header h = {0};
    int r = header_load(f, &h, NULL, e);
    if (r < 0)
        return r;
    struct tags_reader reader = {.t = t};
    r = walk_table(&reader, f, &h, e);
    text_drop(&reader.strings);
    uint64_t hash = hash_u64(hash_u64(HASH_START, h.snapshots), h.snapshots_offset);
    if (r == 0 && t->n)
        r = take_backing(t, f->path, &h, e);
    header_drop(&h);
    for (size_t i = 0; r == 0 && i < t->n; i++)
        hash = hash_u64(hash, t->tags[i].identity.entry);
    *ret_hash = hash;
    return r;
}

static struct image_id whole_file(const struct image_file *f)
{
    return (struct image_id){
        .dev = f->dev, .ino = f->ino, .size = f->size, .mtime_ns = f->mtime_ns};
}

/* Reads the table twice, because it may be replaced during a read. Two equal readings in a row are
 * one table. If the header has no table, one reading is enough, because the header was read right.
 * */
static int read_twice(const struct image_file *f, struct image_tags **ret, struct err *e)
{
    uint64_t before = 0;
    int r = -EBUSY, last = -EBUSY;
    for (int try = 0; try < TAGS_TRIES; try++) {
        autodestroy(image_tags_free) struct image_tags *t = calloc(1, sizeof(*t));
        if (!t)
            return err_nomem(e);
        t->file = whole_file(f);
        uint64_t hash = 0;
        last = r;
        r = read_once(f, t, &hash, e);
        if (r == 0 && (!t->n || (last == 0 && hash == before))) {
            *ret = take(t);
            return 0;
        }
        before = hash;
    }
    return r < 0 ? r : err_fail(e, EBUSY, "the snapshot table of '%s' keeps changing", f->path);
}

int image_tags_read(const struct image_source *source, const struct image_policy *policy,
                    struct image_tags **ret, struct err *e)
{
    int kind = layer_kind_of(source, e);
    if (kind < 0)
        return kind;
    autodestroy(file_close) struct image_file *f = NULL;
    int r = file_open(source->path, policy, &f, e);
    if (r < 0)
        return r;
    if (kind == LAYER_QCOW2)
        return read_twice(f, ret, e);
    struct image_tags *t = calloc(1, sizeof(*t));
    if (!t)
        return err_nomem(e);
    t->file = whole_file(f);
    *ret = t;
    return 0;
}
