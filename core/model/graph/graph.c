/* SPDX-License-Identifier: GPL-3.0-or-later */
/* graph.c - see graph/graph.h. No locks. */
#include "model/graph/graph.h"

#include <string.h>

struct file {
    char *path, *format;
    uint64_t dev, ino;
    int first; /* the first file that may be the same file; else itself */
};

struct user {
    struct graph_user u; /* its strings are owned */
    int *chain;
    size_t n;
};

struct graph {
    struct file *files;
    size_t n_files;
    struct user *users;
    size_t n_users;
    char **domains;
    size_t n_domains;
};

struct graph *graph_new(void)
{
    return calloc(1, sizeof(struct graph));
}

static void user_clear(struct user *x)
{
    free((char *)(uintptr_t)x->u.domain);
    free((char *)(uintptr_t)x->u.snapshot);
    free((char *)(uintptr_t)x->u.target);
    free((char *)(uintptr_t)x->u.tag);
    free((char *)(uintptr_t)x->u.tag_id);
    free((char *)(uintptr_t)x->u.mount_path);
    free(x->chain);
}

static void file_clear(struct file *f)
{
    free(f->path);
    free(f->format);
}

void graph_free(struct graph *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n_files; i++)
        file_clear(&g->files[i]);
    for (size_t i = 0; i < g->n_users; i++)
        user_clear(&g->users[i]);
    for (size_t i = 0; i < g->n_domains; i++)
        free(g->domains[i]);
    free(g->domains);
    free(g->files);
    free(g->users);
    free(g);
}

static bool same_file(const struct file *f, const char *path, uint64_t dev, uint64_t ino)
{
    if (ino || f->ino)
        return f->ino == ino && f->dev == dev;
    return !strcmp(f->path, path);
}

/* Keeps the first format that is given for a file; false without memory. */
static bool set_format(struct file *f, const char *format)
{
    if (!f->format && format)
        f->format = strdup(format);
    return f->format || !format;
}

int graph_file(struct graph *g, const char *path, const char *format, uint64_t dev, uint64_t ino)
{
    for (size_t i = 0; i < g->n_files; i++)
        if (same_file(&g->files[i], path, dev, ino))
            return set_format(&g->files[i], format) ? (int)i : -1;
    if (!mem_room(g->files, g->n_files))
        return -1;
    struct file f = {.path = strdup(path), .dev = dev, .ino = ino, .first = (int)g->n_files};
    if (!f.path || !set_format(&f, format)) {
        file_clear(&f);
        return -1;
    }
    g->files[g->n_files] = f;
    return (int)g->n_files++;
}

void graph_pair(struct graph *g, int a, int b)
{
    int x = g->files[a].first, y = g->files[b].first;
    for (size_t i = 0; i < g->n_files; i++)
        if (g->files[i].first == x || g->files[i].first == y)
            g->files[i].first = x < y ? x : y;
}

bool graph_same(const struct graph *g, int a, int b)
{
    return a == b || (a >= 0 && b >= 0 && g->files[a].first == g->files[b].first);
}

int graph_first(const struct graph *g, int file)
{
    return file < 0 ? file : g->files[file].first;
}

int graph_find(const struct graph *g, uint64_t dev, uint64_t ino)
{
    for (size_t i = 0; ino && i < g->n_files; i++)
        if (g->files[i].ino == ino && g->files[i].dev == dev)
            return (int)i;
    return GRAPH_NO_FILE;
}

size_t graph_n_files(const struct graph *g)
{
    return g->n_files;
}

const char *graph_file_path(const struct graph *g, int file)
{
    return g->files[file].path;
}

const char *graph_file_format(const struct graph *g, int file)
{
    return g->files[file].format;
}

/* Copies a string, which may be NULL; false without memory. */
static bool own(const char **at)
{
    const char *s = *at;
    *at = s ? strdup(s) : NULL;
    return !s || *at;
}

/* Copies all strings, so that a string that could not be copied is not freed. */
static bool own_strings(struct graph_user *u)
{
    const char **all[] = {&u->domain, &u->snapshot, &u->target,
                          &u->tag,    &u->tag_id,   &u->mount_path};
    bool ok = true;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        ok &= own(all[i]);
    return ok;
}

bool graph_add(struct graph *g, const struct graph_user *u, const int *chain, size_t n)
{
    if (!mem_room(g->users, g->n_users))
        return false;
    struct user x = {.u = *u, .n = n};
    x.chain = calloc(n + 1, sizeof(*x.chain));
    if (!own_strings(&x.u) || !x.chain) {
        user_clear(&x);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        x.chain[i] = chain[i];
    g->users[g->n_users++] = x;
    return true;
}

bool graph_add_domain(struct graph *g, const char *coded)
{
    if (!mem_room(g->domains, g->n_domains))
        return false;
    g->domains[g->n_domains] = strdup(coded);
    return g->domains[g->n_domains] && ++g->n_domains;
}

bool graph_has_domain(const struct graph *g, const char *coded)
{
    for (size_t i = 0; coded && i < g->n_domains; i++)
        if (!strcmp(g->domains[i], coded))
            return true;
    return false;
}

bool graph_add_tail(struct graph *g, const struct graph_user *u, size_t like, int file)
{
    struct graph_user tail = *u;
    tail.again = true;
    size_t depth = graph_depth(g, like, file);
    const struct user *x = &g->users[like];
    tail.incomplete = x->u.incomplete;
    tail.may_continue = x->u.may_continue;
    tail.mount_path = x->u.mount_path;
    autofree int *chain = calloc(x->n, sizeof(*chain));
    if (!chain)
        return false;
    memcpy(chain, x->chain + depth, (x->n - depth) * sizeof(*chain));
    return graph_add(g, &tail, chain, x->n - depth);
}

void graph_forget(struct graph *g, int file)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->n_users; i++) {
        struct user *x = &g->users[i];
        if (x->n && x->chain[0] == file)
            user_clear(x);
        else
            g->users[kept++] = *x;
    }
    g->n_users = kept;
    g->files[file].dev = g->files[file].ino = 0;
}

size_t graph_n_users(const struct graph *g)
{
    return g->n_users;
}

const struct graph_user *graph_user(const struct graph *g, size_t i)
{
    return &g->users[i].u;
}

int graph_chain(const struct graph *g, size_t i, size_t depth)
{
    return depth < g->users[i].n ? g->users[i].chain[depth] : GRAPH_NO_FILE;
}

size_t graph_depth(const struct graph *g, size_t i, int file)
{
    for (size_t k = 0; k < g->users[i].n; k++)
        if (graph_same(g, g->users[i].chain[k], file))
            return k;
    return SIZE_MAX;
}

bool graph_has_tag(const struct graph *g, int file, const char *tag, const char *tag_id)
{
    for (size_t i = 0; i < g->n_users; i++) {
        const struct user *x = &g->users[i];
        if (x->n && graph_same(g, x->chain[0], file) && x->u.tag && x->u.tag_id &&
            !strcmp(x->u.tag, tag) && !strcmp(x->u.tag_id, tag_id))
            return true;
    }
    return false;
}

static bool reads_through(const struct graph *g, const struct user *x, int file, bool removed)
{
    if (x->u.left)
        return false;
    for (size_t k = 0; k < x->n; k++)
        if (graph_same(g, x->chain[k], file) && (k > 0 || !x->u.tag || removed))
            return true;
    return x->u.may_continue;
}

void graph_users_of(const struct graph *g, int file, bool removed,
                    void (*each)(void *ctx, const struct graph_user *u, size_t i), void *ctx)
{
    for (size_t i = 0; i < g->n_users; i++)
        if (reads_through(g, &g->users[i], file, removed))
            each(ctx, &g->users[i].u, i);
}

bool graph_is_live(const struct graph_user *u)
{
    return *u->domain && *u->target && !u->snapshot && !u->tag;
}

void graph_describe(const struct graph *g, size_t i, struct text *out)
{
    const struct user *x = &g->users[i];
    if (x->u.snapshot)
        text_add(out, "snapshot '%s' of domain '%s' (%s)", x->u.snapshot, x->u.domain, x->u.target);
    else if (x->u.unattached)
        text_add(out, "the overlay '%s', which no disk is on", x->u.target);
    else if (x->u.found && !x->u.tag)
        text_add(out, "the image '%s' (no domain has it)", x->u.target);
    else if (x->u.loop)
        text_add(out, "the loop device '%s'", x->u.target);
    else if (x->u.tag)
        text_add(out, "tag '%s' in '%s'", x->u.tag, x->n ? g->files[x->chain[0]].path : "?");
    else if (*x->u.target)
        text_add(out, "the live disk %s of domain '%s'", x->u.target, x->u.domain);
    else
        text_add(out, "a snapshot of domain '%s' whose XML cannot be read", x->u.domain);
    if (x->u.may_continue && x->n)
        text_add(out, " (whose backing chain cannot be followed below '%s')",
                 g->files[x->chain[x->n - 1]].path);
    else if (x->u.may_continue && *x->u.target)
        text_add(out, " (whose file is not known)");
}
