/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_usage.c - the users of a snapshot's files, in a graph made by hand. */
#include <errno.h>
#include <stdlib.h>

#include "model/graph/usage.h"
#include "tap.h"

enum { DEV = 1 };

static int file(struct graph *g, const char *path, uint64_t ino)
{
    return graph_file(g, path, "qcow2", DEV, ino);
}

static void user(struct graph *g, const char *snapshot, const char *tag, const char *id,
                 const int *chain, size_t n)
{
    struct graph_user u = {.domain = snapshot || !tag ? "web" : "",
                           .snapshot = snapshot,
                           .target = "vda",
                           .tag = tag,
                           .tag_id = id};
    TAP_OK(graph_add(g, &u, chain, n), "a user is added");
}

/* A tag i1 in /base, an external snapshot e1 of all of it, the live disk on /top above it, twice,
 * as a running domain has it; a tag of no snapshot in /top; and, with `unknown`, a disk of another
 * domain that may use any file. */
static struct usage *example(bool may_continue)
{
    struct graph *g = graph_new();
    int base = file(g, "/base", 1), top = file(g, "/top", 2);
    const int chain[] = {top, base};
    user(g, "i1", "i1", "7", &base, 1);
    user(g, "e1", NULL, NULL, &base, 1);
    user(g, NULL, NULL, NULL, chain, 2);
    user(g, NULL, NULL, NULL, chain, 2);
    user(g, NULL, "stray", "1", chain, 2);
    const struct graph_user other = {.domain = "other", .target = "vda", .may_continue = true};
    if (may_continue)
        TAP_OK(graph_add(g, &other, NULL, 0), "a user of unknown files");
    struct usage *o = usage_new(&g, 3);
    TAP_OK(o && !g, "it takes the graph over");
    return o;
}

static struct domain web = {.name = (char *)(uintptr_t) "web"};
static struct domain other_domain = {.name = (char *)(uintptr_t) "other"};

static void who(void *ctx, const char *name)
{
    text_add(ctx, "%s; ", name);
}

static void needed_is(const struct usage *o, const char *name, const char *tag, size_t max,
                      size_t count, const char *want)
{
    struct snapshot_disk disk = {.target = (char *)(uintptr_t) "vda", .path = "/base", .tag = tag};
    struct snapshot s = {.name = name, .disks = &disk, .n_disks = 1};
    autotext struct text t = {0};
    struct err e;
    size_t n = 0;
    TAP_OK(usage_knows(o, &web, &s), "'%s' is known", name);
    TAP_OK(usage_needed_by(o, &web, &s, max, who, &t, &n, &e) == 0 && n == count,
           "%zu need '%s', not %zu", n, name, count);
    TAP_STR(t.s ? t.s : "", want, name);
}

static void test_needed(void)
{
    struct usage *o = example(false);
    needed_is(o, "i1", "i1", 9, 3,
              "tag 'stray' in '/top'; the live disk vda of domain 'web'; "
              "snapshot 'e1' of domain 'web' (vda); ");
    needed_is(o, "e1", NULL, 1, 2, "tag 'stray' in '/top'; ");
    TAP_OK(usage_n_missing(o) == 3 && !usage_failure(o), "what is missing is told");
    usage_unref(o);
    o = example(true);
    needed_is(o, "e1", NULL, 9, 3,
              "tag 'stray' in '/top'; the live disk vda of domain 'other' (whose file is not "
              "known); the live disk vda of domain 'web'; ");
    usage_unref(o);
}

static void test_own_disk(void)
{
    struct graph *g = graph_new();
    int base = file(g, "/base", 1);
    user(g, "i1", "i1", "7", &base, 1);
    user(g, NULL, NULL, NULL, &base, 1);
    struct usage *o = usage_new(&g, 0);
    needed_is(o, "i1", "i1", 9, 0, "");
    struct snapshot_disk disk = {.target = (char *)(uintptr_t) "vdb", .path = "/base"};
    struct snapshot s = {.name = "i1", .disks = &disk, .n_disks = 1};
    TAP_OK(!usage_knows(o, &web, &s), "a disk that is no user is not known");
    disk.path = "nbd://host/export";
    TAP_OK(usage_knows(o, &web, &s), "but one on another host need not be");
    usage_unref(o);
}

static void test_tags(void)
{
    struct usage *o = example(false);
    TAP_OK(usage_other_owns_tag(o, &other_domain, DEV, 1, "i1", "7"), "a snapshot's tag");
    TAP_OK(!usage_other_owns_tag(o, &web, DEV, 1, "i1", "7"), "not for its own domain");
    TAP_OK(!usage_other_owns_tag(o, &other_domain, DEV, 1, "i1", "8"), "not one of another id");
    TAP_OK(!usage_other_owns_tag(o, &other_domain, DEV, 2, "i1", "7"), "nor in another file");
    TAP_OK(!usage_other_owns_tag(o, &other_domain, DEV, 3, "i1", "7"),
           "nor in one that is not known");
    TAP_OK(!usage_other_owns_tag(o, &other_domain, DEV, 2, "stray", "1"),
           "nor one that is nobody's");
    usage_unref(o);
    struct err why;
    err_fail(&why, ETIMEDOUT, "late");
    o = usage_failed(&why);
    TAP_OK(usage_failure(o)->no == ETIMEDOUT, "a failure is told");
    TAP_OK(!usage_other_owns_tag(o, &other_domain, DEV, 1, "i1", "7"), "and then nothing is known");
    usage_unref(o);
}

int main(void)
{
    test_needed();
    test_own_disk();
    test_tags();
    return tap_done();
}
