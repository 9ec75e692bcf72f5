/* SPDX-License-Identifier: GPL-3.0-or-later */
/* users.c - see graph/users.h. No locks. */
#include "model/graph/users.h"

#include "base/file_id.h"

int users_file(const struct survey *v, const char *path)
{
    struct stat st;
    uint64_t dev, ino;
    if (stat(path, &st) < 0)
        return GRAPH_NO_FILE;
    file_id(&st, &dev, &ino);
    return graph_find(v->graph, dev, ino);
}

size_t users_unattached(const struct survey *v, int file)
{
    for (size_t i = 0; i < graph_n_users(v->graph); i++)
        if (graph_user(v->graph, i)->unattached && graph_chain(v->graph, i, 0) != file &&
            graph_depth(v->graph, i, file) != SIZE_MAX)
            return i;
    return SIZE_MAX;
}

/* Returns whether the user does not count. It does not if no domain has it, and its image is the
 * file in question itself or has been removed. */
static bool is_void(const struct graph *g, size_t user, int file)
{
    struct stat st;
    const struct graph_user *u = graph_user(g, user);
    int top = graph_chain(g, user, 0);
    if (!u->unattached && !u->found)
        return false;
    return (top == file && !u->tag) || (top >= 0 && lstat(graph_file_path(g, top), &st) < 0);
}

struct need {
    const struct graph *graph;
    int file;
    enum users_how how;
    size_t user;
};

/* Returns whether the user is a tag in the file itself that libvirt does not know. */
static bool is_own_tag(const struct need *need, size_t i)
{
    const struct graph_user *u = graph_user(need->graph, i);
    return u->tag && !u->snapshot && graph_chain(need->graph, i, 0) == need->file;
}

static void note_user(void *ctx, const struct graph_user *u, size_t i)
{
    struct need *need = ctx;
    (void)u;
    bool needs = need->how == USERS_MAYBE || graph_depth(need->graph, i, need->file) != SIZE_MAX;
    needs &= need->how != USERS_BUT_OWN_TAGS || !is_own_tag(need, i);
    if (needs && need->user == SIZE_MAX && !is_void(need->graph, i, need->file))
        need->user = i;
}

int users_find(const struct survey *v, const char *path, const struct stat *st, enum users_how how,
               size_t *ret_user, struct err *e)
{
    uint64_t dev, ino;
    file_id(st, &dev, &ino);
    int file = graph_file(v->graph, path, NULL, dev, ino);
    struct need need = {.graph = v->graph, .file = file, .how = how, .user = SIZE_MAX};
    if (file < 0)
        return err_nomem(e);
    graph_users_of(v->graph, file, true, note_user, &need);
    *ret_user = need.user;
    return 0;
}
