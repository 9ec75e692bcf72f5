/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_merge.c - whether an overlay may be merged, in the shapes in which libvirt's own delete
 * loses bytes. Files are letters, a chain is a word of them, the top first: "cba" is file c on b on
 * a. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/graph/graph.h"
#include "model/delete/mergeable.h"
#include "model/graph/users.h"
#include "tap.h"

enum { CHAIN_MAX = 16, SNAPSHOT_NAME = 8 };

static struct survey survey;
static struct domain web = {.name = (char[]){"web"}};

static int file(char letter)
{
    char path[] = {'/', letter, '\0'};
    return graph_file(survey.graph, path, "qcow2", 1, (uint64_t)letter);
}

static void user(struct graph_user u, const char *chain)
{
    int files[CHAIN_MAX];
    size_t n = strlen(chain);
    for (size_t i = 0; i < n; i++)
        files[i] = file(chain[i]);
    u.target = u.target ? u.target : "vda";
    if (!graph_add(survey.graph, &u, files, n))
        exit(1);
}

static void live(const char *chain)
{
    user((struct graph_user){.domain = "web"}, chain);
}

static void external(const char *name, const char *chain)
{
    user((struct graph_user){.domain = "web", .snapshot = name}, chain);
}

static void internal(const char *name, const char *chain)
{
    user((struct graph_user){.domain = "web", .snapshot = name, .tag = name, .tag_id = "1"}, chain);
}

static void begin(void)
{
    graph_free(survey.graph);
    survey.graph = graph_new();
    if (!survey.graph)
        exit(1);
}

static int find(const char *name, struct merge *ret)
{
    struct snapshot s = {.name = name};
    struct err e = {0};
    int own = survey_user(&survey, &web, &s, "vda");
    int base = own < 0 ? GRAPH_NO_FILE : graph_chain(survey.graph, (size_t)own, 0);
    int r = merge_find(&survey, &web, (struct merge_gone){.one = &s}, "vda", base, ret, &e);
    if (r < 0)
        printf("# %s\n", e.text);
    return r;
}

/* Returns whether `top` may be merged into `base`. */
static void merges(const char *name, char top, char base, bool active, const char *what)
{
    struct merge m = {0};
    TAP_OK(find(name, &m) == 0 && m.top == file(top) && m.base == file(base) &&
               (m.above == GRAPH_NO_FILE) == active,
           "%s", what);
}

static void refuses(const char *name, int number, const char *what)
{
    struct merge m;
    TAP_OK(find(name, &m) == -number, "%s", what);
}

/* e1-e2-e3, live: a <- b <- c <- d */
static void line(void)
{
    begin();
    external("e1", "a");
    external("e2", "ba");
    external("e3", "cba");
    live("dcba");
}

static void test_line(void)
{
    line();
    merges("e1", 'b', 'a', false, "the root of a line");
    merges("e2", 'c', 'b', false, "its middle");
    merges("e3", 'd', 'c', true, "its top, whose overlay is live");
    live("dcba");
    merges("e3", 'd', 'c', true, "a domain that runs, and is configured alike");
    live("ba");
    refuses("e1", EBUSY, "one whose configuration has another disk");
}

static void test_tags(void)
{
    line();
    internal("i", "ba");
    refuses("e1", EBUSY, "an overlay with an internal snapshot, which libvirt would merge away");
    merges("e2", 'c', 'b', false, "a content with one, which writes leave alone");
    line();
    user((struct graph_user){.domain = "", .target = "", .tag = "t", .tag_id = "1"}, "ba");
    refuses("e1", EBUSY, "an overlay with a tag that libvirt does not know");
    merges("e2", 'c', 'b', false, "a content with one");
}

static void test_branches(void)
{
    line();
    external("b1", "xa");
    refuses("e1", EBUSY, "a content with another branch");
    merges("e2", 'c', 'b', false, "one above the fork");
    line();
    external("b2", "xba");
    refuses("e1", EBUSY, "an overlay with another branch, which libvirt 9.0 removes");
    refuses("e2", EBUSY, "and the content that that is");
    line();
    external("e4", "dcba");
    refuses("e4", ENOENT, "one that is not below the live disk");
    begin();
    external("dead", "xa");
    external("e1", "a");
    live("ba");
    refuses("dead", ENOENT, "a leaf of a dead branch");
    refuses("e1", EBUSY, "the fork below it");
}

static void test_others(void)
{
    line();
    user((struct graph_user){.domain = "other"}, "ba");
    refuses("e1", EBUSY, "another domain's disk is the overlay");
    refuses("e2", EBUSY, "or the content");
    line();
    user((struct graph_user){.domain = "other"}, "xcba");
    refuses("e3", EBUSY, "another domain stands on the content");
    refuses("e2", EBUSY, "or on the overlay");
    merges("e1", 'b', 'a', false, "it stands higher up");
    line();
    user((struct graph_user){.domain = "other", .snapshot = "s"}, "ba");
    refuses("e1", EBUSY, "another domain's snapshot is the overlay");
    line();
    user((struct graph_user){.domain = "web", .target = "vdb"}, "ba");
    refuses("e1", EBUSY, "another disk of the domain is the overlay");
    line();
    user((struct graph_user){.domain = "other", .may_continue = true, .incomplete = true}, "x");
    refuses("e1", EBUSY, "a chain that cannot be followed");
    line();
    user((struct graph_user){.domain = "other", .incomplete = true}, "x");
    merges("e1", 'b', 'a', false, "one that ends where no file is");
}

static void test_volumes(void)
{
    line();
    user((struct graph_user){.domain = "web", .snapshot = "e4", .volume = true}, "ba");
    refuses("e1", EBUSY, "a snapshot whose XML names the overlay as a volume");
    line();
    user((struct graph_user){.domain = "web", .snapshot = "e4", .volume = true}, "cba");
    merges("e1", 'b', 'a', false, "its XML names the file above the overlay");
    refuses("e2", EBUSY, "which is then the overlay");
    begin();
    external("e1", "a");
    user((struct graph_user){.domain = "web", .volume = true}, "ba");
    merges("e1", 'b', 'a', true, "a live disk that is a volume");
}

/* A disk that was detached: no disk uses its last overlay. */
static void test_loose(void)
{
    const struct graph_user unattached = {.domain = "", .target = "/x", .unattached = true};
    line();
    user(unattached, "xba");
    refuses("e1", EBUSY, "an overlay that no disk is on stands on the overlay");
    refuses("e2", EBUSY, "or on the content");
    TAP_OK(users_unattached(&survey, file('b')) == graph_n_users(survey.graph) - 1,
           "it needs that");
    TAP_OK(users_unattached(&survey, file('c')) == SIZE_MAX, "not what stands beside it");
    TAP_OK(users_unattached(&survey, file('x')) == SIZE_MAX, "nor itself");
}

int main(void)
{
    test_line();
    test_loose();
    test_tags();
    test_branches();
    test_others();
    test_volumes();
    graph_free(survey.graph);
    return tap_done();
}
