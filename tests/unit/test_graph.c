/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_graph.c - the snapshots whose bytes change, for shapes of files and users. */
#include <stdlib.h>

#include "model/graph/graph.h"
#include "tap.h"

struct seen {
    const struct graph *g;
    struct text names;
};

static void note(void *ctx, const struct graph_user *u, size_t i)
{
    struct seen *s = ctx;
    (void)u;
    text_add(&s->names, "%s", s->names.len ? "; " : "");
    graph_describe(s->g, i, &s->names);
}

static void users(const struct graph *g, int file, bool removed, const char *want)
{
    struct seen s = {.g = g};
    text_add(&s.names, "%s", "");
    graph_users_of(g, file, removed, note, &s);
    TAP_STR(s.names.s, want, want);
    text_drop(&s.names);
}

static void add(struct graph *g, const char *snapshot, const char *tag, const char *id,
                const int *chain, size_t n)
{
    struct graph_user u = {
        .domain = "d", .snapshot = snapshot, .target = "vda", .tag = tag, .tag_id = id};
    TAP_OK(graph_add(g, &u, chain, n), "added %s", snapshot ? snapshot : tag ? tag : "live");
}

int main(void)
{
    struct graph *g = graph_new();
    int base = graph_file(g, "/base", "qcow2", 1, 10),
        over = graph_file(g, "/over", "qcow2", 1, 11);
    int gone = graph_file(g, "/gone", NULL, 0, 0);
    TAP_OK(base != over && over != gone, "three files");
    TAP_OK(graph_file(g, "/base/../base", NULL, 1, 10) == base, "one inode, one file");
    TAP_OK(graph_file(g, "/gone", "raw", 0, 0) == gone, "a missing file goes by its path");
    TAP_STR(graph_file_format(g, base), "qcow2", "the first format told is kept");
    TAP_STR(graph_file_format(g, gone), "raw", "or the one told later");
    TAP_OK(graph_n_files(g) == 3, "still three");

    /* i1 in base, e2 = base as a whole, live = over on base, i3 in over */
    add(g, "i1", "i1", "1", &base, 1);
    add(g, "e2", NULL, NULL, &base, 1);
    int chain[] = {over, base};
    add(g, NULL, NULL, NULL, chain, 2);
    add(g, "i3", "i3", "1", chain, 2);
    users(g, base, false,
          "snapshot 'e2' of domain 'd' (vda); the live disk vda of domain 'd'; "
          "snapshot 'i3' of domain 'd' (vda)");
    users(g, base, true,
          "snapshot 'i1' of domain 'd' (vda); snapshot 'e2' of domain 'd' (vda); "
          "the live disk vda of domain 'd'; snapshot 'i3' of domain 'd' (vda)");
    users(g, over, false, "the live disk vda of domain 'd'");
    users(g, over, true, "the live disk vda of domain 'd'; snapshot 'i3' of domain 'd' (vda)");
    users(g, gone, true, "");

    TAP_OK(graph_has_tag(g, base, "i1", "1"), "the tag of i1");
    TAP_OK(!graph_has_tag(g, base, "i1", "2") && !graph_has_tag(g, over, "i1", "1"),
           "no other id, no other file");
    add(g, NULL, "loose", "7", &base, 1);
    users(g, base, true,
          "snapshot 'i1' of domain 'd' (vda); snapshot 'e2' of domain 'd' (vda); "
          "the live disk vda of domain 'd'; snapshot 'i3' of domain 'd' (vda); "
          "tag 'loose' in '/base'");
    struct graph_user left = {
        .domain = "", .target = "", .tag = "left", .tag_id = "8", .left = true};
    TAP_OK(graph_add(g, &left, chain, 2), "a tag that a copy has left over");
    users(g, over, true, "the live disk vda of domain 'd'; snapshot 'i3' of domain 'd' (vda)");
    TAP_OK(graph_has_tag(g, over, "left", "8"), "is one all the same");
    TAP_OK(graph_depth(g, 2, over) == 0 && graph_depth(g, 2, base) == 1 &&
               graph_depth(g, 2, gone) == SIZE_MAX,
           "how deep files stand");
    TAP_OK(graph_chain(g, 2, 1) == base && graph_chain(g, 2, 2) == GRAPH_NO_FILE,
           "the chain ends where it ends");

    graph_forget(g, over);
    users(g, base, true,
          "snapshot 'i1' of domain 'd' (vda); snapshot 'e2' of domain 'd' (vda); "
          "tag 'loose' in '/base'");
    TAP_OK(graph_find(g, 1, 11) == GRAPH_NO_FILE && graph_find(g, 1, 10) == base,
           "a file that is forgotten is not found, the others are");
    TAP_OK(graph_file(g, "/new", "qcow2", 1, 11) != over, "its inode may be another file's");
    graph_free(g);
    return tap_done();
}
