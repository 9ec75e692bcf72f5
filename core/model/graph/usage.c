/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usage.c - see graph/usage.h. No locks; the count is atomic. */
#include "model/graph/usage.h"

#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/sorted.h"
#include "image/id.h"
#include "model/graph/mount_path.h"

enum { USER_SIZE = 384, READER_SIZE = sizeof(int) + 2 * sizeof(uint64_t) };

struct user {
    const struct graph_user *u;
    size_t i; /* its number in the graph */
};

/* A user that reads through the whole of a file. */
struct reader {
    int file;
    size_t user; /* its place in usage->users */
};

/* The tag of a snapshot. */
struct owned {
    int file;
    const char *tag, *id, *domain;
};

struct usage {
    unsigned refs;
    struct graph *graph; /* NULL = failed, see `failure` */
    struct err failure;
    size_t n_missing;
    size_t n_users, n_readers, n_anywhere, n_owned;
    struct user *users;     /* all of them, by domain, snapshot, target, tag */
    struct reader *readers; /* by file, then user */
    size_t *anywhere;       /* users that may read any file, or that read an image in a mount */
    struct owned *owned;    /* by file, tag, id */
    uint64_t counted;       /* in the budget */
};

void usage_unref(struct usage *o)
{
    if (!o || __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL))
        return;
    graph_free(o->graph);
    free(o->users);
    free(o->readers);
    free(o->anywhere);
    free(o->owned);
    budget_give(o->counted);
    free(o);
}

struct usage *usage_ref(struct usage *o)
{
    __atomic_add_fetch(&o->refs, 1, __ATOMIC_RELAXED);
    return o;
}

/* ---- making one ---- */

static int cmp_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int cmp_disk(const struct graph_user *x, const struct graph_user *y)
{
    int r = cmp_text(x->domain, y->domain);
    r = r ? r : cmp_text(x->snapshot, y->snapshot);
    return r ? r : cmp_text(x->target, y->target);
}

static int cmp_disk_of(const void *a, const void *b)
{
    const struct user *x = a, *y = b;
    return cmp_disk(x->u, y->u);
}

static int cmp_user(const void *a, const void *b)
{
    const struct user *x = a, *y = b;
    int r = cmp_disk(x->u, y->u);
    r = r ? r : cmp_text(x->u->tag, y->u->tag);
    return r ? r : (x->i > y->i) - (x->i < y->i);
}

static int cmp_reader(const void *a, const void *b)
{
    const struct reader *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    return (x->user > y->user) - (x->user < y->user);
}

static int cmp_owned(const void *a, const void *b)
{
    const struct owned *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    int r = strcmp(x->tag, y->tag);
    return r ? r : strcmp(x->id, y->id);
}

/* Returns the depth of the first file that is used whole. A tag's user reads only the tag of its
 * own file. */
static size_t first_whole(const struct graph_user *u)
{
    return u->tag ? 1 : 0;
}

/* Returns one number for all files that may be one. */
static int file_at(const struct usage *o, const struct user *x, size_t depth)
{
    return graph_first(o->graph, graph_chain(o->graph, x->i, depth));
}

static bool add_readers(struct usage *o, size_t at)
{
    const struct user *x = &o->users[at];
    for (size_t k = first_whole(x->u); graph_chain(o->graph, x->i, k) != GRAPH_NO_FILE; k++) {
        if (!mem_room(o->readers, o->n_readers))
            return false;
        o->readers[o->n_readers++] = (struct reader){file_at(o, x, k), at};
    }
    if (x->u->may_continue || x->u->mount_path)
        o->anywhere[o->n_anywhere++] = at;
    if (x->u->snapshot && x->u->tag && x->u->tag_id)
        o->owned[o->n_owned++] =
            (struct owned){file_at(o, x, 0), x->u->tag, x->u->tag_id, x->u->domain};
    return true;
}

static bool fill(struct usage *o)
{
    o->n_users = graph_n_users(o->graph);
    o->users = calloc(o->n_users + 1, sizeof(*o->users));
    o->anywhere = calloc(o->n_users + 1, sizeof(*o->anywhere));
    o->owned = calloc(o->n_users + 1, sizeof(*o->owned));
    if (!o->users || !o->anywhere || !o->owned)
        return false;
    for (size_t i = 0; i < o->n_users; i++)
        o->users[i] = (struct user){graph_user(o->graph, i), i};
    qsort(o->users, o->n_users, sizeof(*o->users), cmp_user);
    for (size_t at = 0; at < o->n_users; at++)
        if (!add_readers(o, at))
            return false;
    if (o->n_readers)
        qsort(o->readers, o->n_readers, sizeof(*o->readers), cmp_reader);
    qsort(o->owned, o->n_owned, sizeof(*o->owned), cmp_owned);
    return true;
}

/* Counts the usage in the budget with the graph, whose users have strings of their own, and a chain
 * each. */
static int count(struct usage *o, struct err *e)
{
    uint64_t size = o->n_users * USER_SIZE + o->n_readers * READER_SIZE;
    int r = budget_take(size, e);
    o->counted = r < 0 ? 0 : size;
    return r;
}

struct usage *usage_new(struct graph **g, size_t n_missing)
{
    struct err why;
    struct usage *o = calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    *o = (struct usage){.refs = 1, .graph = *g, .n_missing = n_missing};
    bool filled = fill(o);
    if (filled && count(o, &why) == 0) {
        *g = NULL;
        return o;
    }
    o->graph = NULL;
    usage_unref(o);
    return filled ? usage_failed(&why) : NULL;
}

struct usage *usage_failed(const struct err *why)
{
    struct usage *o = calloc(1, sizeof(*o));
    if (o)
        *o = (struct usage){.refs = 1, .failure = *why};
    return o;
}

const struct err *usage_failure(const struct usage *o)
{
    return o->graph ? NULL : &o->failure;
}

size_t usage_n_missing(const struct usage *o)
{
    return o->n_missing;
}

/* ---- asking ---- */

/* Returns the place of that disk of the snapshot among the users, or n_users. */
static size_t find_disk(const struct usage *o, const struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk)
{
    const struct graph_user want = {.domain = d->name, .snapshot = s->name, .target = disk->target};
    const struct user key = {.u = &want};
    size_t at = sorted_place(o->users, o->n_users, sizeof(*o->users), &key, cmp_disk_of);
    return at < o->n_users && !cmp_disk(o->users[at].u, &want) ? at : o->n_users;
}

static bool stands_in_file(const struct snapshot_disk *disk)
{
    struct stat remote;
    return disk->path && !image_remote_stat(disk->path, &remote);
}

bool usage_knows(const struct usage *o, const struct domain *d, const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_disks; i++)
        if (stands_in_file(&s->disks[i]) && find_disk(o, d, s, &s->disks[i]) == o->n_users)
            return false;
    return true;
}

struct hits {
    size_t n;
    size_t *users;
};

static bool add_hit(struct hits *h, size_t user)
{
    if (!mem_room(h->users, h->n))
        return false;
    h->users[h->n++] = user;
    return true;
}

static bool is_own(const struct graph_user *u, const struct domain *d, const struct snapshot *s)
{
    return u->snapshot && !strcmp(u->snapshot, s->name) && !strcmp(u->domain, d->name);
}

/* Returns whether the user is the domain's disk, on that very file. */
static bool is_live_on(const struct usage *o, const struct user *x, const struct domain *d,
                       int file)
{
    return !x->u->snapshot && !x->u->tag && !strcmp(x->u->domain, d->name) &&
           file_at(o, x, 0) == file;
}

static size_t first_reader(const struct usage *o, int file)
{
    const struct reader key = {.file = file};
    return sorted_place(o->readers, o->n_readers, sizeof(*o->readers), &key, cmp_reader);
}

static bool add_disk_hits(const struct usage *o, const struct domain *d, const struct snapshot *s,
                          const struct snapshot_disk *disk, struct hits *h)
{
    size_t own = find_disk(o, d, s, disk);
    int file = own < o->n_users ? file_at(o, &o->users[own], 0) : GRAPH_NO_FILE;
    if (file == GRAPH_NO_FILE)
        return true;
    bool ok = true;
    for (size_t i = first_reader(o, file); ok && i < o->n_readers && o->readers[i].file == file;
         i++) {
        const struct user *x = &o->users[o->readers[i].user];
        if (!is_own(x->u, d, s) && !(disk->tag && is_live_on(o, x, d, file)))
            ok = add_hit(h, o->readers[i].user);
    }
    return ok;
}

static bool uses_mount_path(const struct usage *o, const struct domain *d, const struct snapshot *s,
                            const char *path)
{
    autofree char *name = mount_path_domain(path);
    return mount_path_uses(d, s, path, graph_has_domain(o->graph, name));
}

static bool add_hits(const struct usage *o, const struct domain *d, const struct snapshot *s,
                     struct hits *h)
{
    bool ok = true;
    for (size_t i = 0; ok && i < s->n_disks; i++)
        ok = add_disk_hits(o, d, s, &s->disks[i], h);
    for (size_t i = 0; ok && i < o->n_anywhere; i++) {
        const struct graph_user *u = o->users[o->anywhere[i]].u;
        bool reads = u->mount_path ? uses_mount_path(o, d, s, u->mount_path) : !is_own(u, d, s);
        ok = !reads || add_hit(h, o->anywhere[i]);
    }
    return ok;
}

static int cmp_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* Returns whether both are the same user. A running domain's disk can be there twice: as it is, and
 * as it will be at the next start. */
static bool is_same(const struct user *x, const struct user *y)
{
    return !cmp_disk(x->u, y->u) && !cmp_text(x->u->tag, y->u->tag) &&
           !cmp_text(x->u->tag_id, y->u->tag_id);
}

int usage_needed_by(const struct usage *o, const struct domain *d, const struct snapshot *s,
                    size_t max, void (*each)(void *ctx, const char *who), void *ctx, size_t *ret_n,
                    struct err *e)
{
    struct hits h = {0};
    bool ok = add_hits(o, d, s, &h);
    size_t n = 0;
    if (h.n)
        qsort(h.users, h.n, sizeof(*h.users), cmp_size);
    for (size_t i = 0; ok && i < h.n; i++) {
        const struct user *x = &o->users[h.users[i]];
        if ((i && is_same(x, &o->users[h.users[i - 1]])) || n++ >= max)
            continue;
        autotext struct text who = {0};
        graph_describe(o->graph, x->i, &who);
        ok = !who.failed;
        if (ok)
            each(ctx, who.s);
    }
    free(h.users);
    *ret_n = n;
    return ok ? 0 : err_nomem(e);
}

bool usage_other_owns_tag(const struct usage *o, const struct domain *d, uint64_t dev, uint64_t ino,
                          const char *tag, const char *id)
{
    struct owned key = {.file = o->graph ? graph_first(o->graph, graph_find(o->graph, dev, ino))
                                         : GRAPH_NO_FILE,
                        .tag = tag,
                        .id = id};
    size_t i = sorted_place(o->owned, o->n_owned, sizeof(*o->owned), &key, cmp_owned);
    for (; i < o->n_owned && !cmp_owned(&o->owned[i], &key); i++)
        if (strcmp(o->owned[i].domain, d->name) != 0)
            return true;
    return false;
}
