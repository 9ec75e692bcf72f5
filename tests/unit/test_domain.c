/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_domain.c - the tree made of snapshots' documents: shape, paths, idents, paths back into it.
 */
#include <stdlib.h>

#include "model/catalog/domain_build.h"
#include "model/graph/mount_path.h"
#include "tap.h"

static uint64_t salt;    /* stands for what is in the files, */
static uint64_t lasting; /* and for the same after another boot */

static int identify(void *ctx, const struct snapshot *s, struct snapshot_disk *disk, struct err *e)
{
    (void)ctx, (void)s, (void)e;
    disk->ident = salt;
    disk->state = lasting;
    return 0;
}

static struct snapshot_doc *doc(const char *name, const char *parent)
{
    struct text t = {0};
    text_add(&t, "<domainsnapshot><name>%s</name><creationTime>1700000000</creationTime>", name);
    if (parent)
        text_add(&t, "<parent><name>%s</name></parent>", parent);
    text_add(&t, "<disks><disk name='vda' snapshot='internal'/><disk name='vdb' snapshot='no'/>"
                 "</disks><domain type='qemu'><name>d</name>"
                 "<uuid>11111111-1111-1111-1111-111111111111</uuid><devices>"
                 "<disk type='file' device='disk'><driver type='qcow2'/><source file='/a'/>"
                 "<target dev='vda'/></disk></devices></domain></domainsnapshot>");
    char *xml = text_take(&t, NULL);
    struct snapshot_doc *d = NULL;
    struct err e = {0};
    TAP_OK(document_new(name, &xml, &d, &e) == 0, "document %s %s", name, e.text);
    free(xml);
    return d;
}

/* pairs: name, parent, name, parent, …, NULL */
static struct domain *build(const char *const *pairs, const char *current)
{
    struct snapshot_doc *docs[1200];
    struct virt_domain id = {.name = (char *)(uintptr_t) "d",
                             .uuid = "11111111-1111-1111-1111-111111111111"};
    struct virt_status status = {.state = (char *)(uintptr_t) "running"};
    struct domain_parts parts = {
        .id = &id, .status = &status, .xml = strdup("<domain/>"), .docs = docs, .current = current};
    for (; pairs[2 * parts.n]; parts.n++)
        docs[parts.n] = doc(pairs[2 * parts.n], pairs[2 * parts.n + 1]);
    struct domain *d = NULL;
    struct err e = {0};
    TAP_OK(domain_build(&parts, identify, NULL, &d, &e) == 0 && d, "built %s", e.text);
    free(parts.xml);
    for (size_t i = 0; i < parts.n; i++)
        document_unref(docs[i]);
    return d;
}

static void path_is(const struct domain *d, const char *name, const char *want)
{
    struct text t = {0};
    snapshot_path(domain_find_name(d, name), &t);
    TAP_STR(t.s, want, want);
    text_drop(&t);
}

static void inside_is(const struct domain *d, const char *path, const char *want)
{
    const struct snapshot *s = mount_path_snapshot(d, path);
    TAP_STR(s ? s->name : NULL, want, path);
}

static void test_shape(void)
{
    const char *const pairs[] = {"b",    "a", "a", NULL, "c", "a", "x",
                                 "gone", "p", "q", "q",  "p", NULL};
    struct domain *d = build(pairs, "c");
    TAP_OK(d->n_roots == 3, "roots: a, x whose parent is gone, and one of a circle: %zu",
           d->n_roots);
    const struct snapshot *a = domain_find_name(d, "a");
    TAP_OK(a->n_children == 2 && !strcmp(a->children[0]->name, "b"), "children are sorted");
    TAP_OK(a->n_descendants == 2 && !a->parent, "two descendants");
    TAP_OK(d->current == domain_find_coded(d, "c"), "current");
    TAP_OK(a->n_disks == 1 && !strcmp(a->disks[0].file, "vda.raw"),
           "only the disk that was captured");
    path_is(d, "b", "snapshots/a/b");
    path_is(d, "x", "snapshots/x");
    inside_is(d, "/d/snapshots/a/b/vda.raw", "b");
    inside_is(d, "d//by-name/./b/vda.raw", "b");
    inside_is(d, "/d/current/vda.raw", "c");
    inside_is(d, "/d/by-name/b/../c/vda.raw", "c");
    inside_is(d, "/d/current/../../by-name/a/vda.raw", NULL);
    inside_is(d, "/d/current/../../../by-name/a/vda.raw", "a");
    inside_is(d, "/other/snapshots/a/vda.raw", NULL);
    inside_is(d, "/d/snapshots/none/vda.raw", NULL);
    domain_unref(d);
}

/* Returns whether a clone on that path uses the snapshot. */
static void uses(const struct domain *d, const char *name, const char *path, bool known, bool want)
{
    TAP_OK(mount_path_uses(d, domain_find_name(d, name), path, known) == want, "%s: %s%s", path,
           want ? "uses " : "not ", name);
}

static void test_inside(void)
{
    const char *const pairs[] = {"a", NULL, "b", "a", "c", "b", NULL};
    struct domain *d = build(pairs, "c");
    uses(d, "b", "/d/snapshots/a/b/vda.raw", true, true);
    uses(d, "a", "/d/snapshots/a/b/vda.raw", true, true);
    uses(d, "c", "/d/snapshots/a/b/vda.raw", true, false);
    uses(d, "a", "/d/by-name/b/vda.raw", true, false);
    uses(d, "a", "/d/snapshots/a/../../by-name/b/vda.raw", true, true);
    uses(d, "c", "/d/current/vda.raw", true, true);
    uses(d, "b", "/d/by-name/b/vda-part1.raw", true, true);
    /* Paths that lead nowhere: a parent or the domain has another name by now. */
    uses(d, "b", "/d/snapshots/gone/b/vda.raw", true, true);
    uses(d, "a", "/d/snapshots/gone/b/vda.raw", true, false);
    uses(d, "b", "/was/by-name/b/vda.raw", false, true);
    uses(d, "a", "/was/by-name/b/vda.raw", false, false);
    uses(d, "b", "/other/by-name/b/vda.raw", true, false);
    uses(d, "a", "/d/by-name/gone/vda.raw", true, false);
    uses(d, "a", "/was/current/vda.raw", false, true);
    uses(d, "a", "/d/unmanaged/a/vda.raw", true, false);
    TAP_OK(mount_path_is_current("/d/current/vda.raw") &&
               !mount_path_is_current("/d/by-name/current/x"),
           "through `current`");
    domain_unref(d);
}

static void guess_is(const char *path, const char *want)
{
    char *guess = mount_path_guess(path);
    TAP_STR(guess, want, path);
    free(guess);
}

static void test_guess(void)
{
    guess_is("/mnt/vms/d/by-name/b/vda.raw", "/d/by-name/b/vda.raw");
    guess_is("/d/snapshots/by-name/b/vda.raw", "/d/snapshots/by-name/b/vda.raw");
    guess_is("/mnt/d/snapshots/vda.raw", NULL);
    guess_is("/by-name/b/vda.raw", NULL);
    guess_is("/images/base.raw", NULL);
}

static void test_idents(void)
{
    const char *const pairs[] = {"a", NULL, "b", "a", NULL};
    struct domain *one = build(pairs, NULL), *same = build(pairs, "a");
    salt = 1;
    struct domain *other = build(pairs, NULL);
    lasting = 1;
    struct domain *changed = build(pairs, NULL);
    uint64_t number = domain_find_name(one, "a")->number;
    TAP_OK(number == domain_find_name(other, "a")->number, "a number outlives another ident");
    TAP_OK(number != domain_find_name(changed, "a")->number, "but no other state of the file");
    uint64_t ident = domain_find_name(one, "a")->ident;
    TAP_OK(ident == domain_find_name(same, "a")->ident, "an ident is stable");
    TAP_OK(ident != domain_find_name(one, "b")->ident, "another name, another ident");
    TAP_OK(ident != domain_find_name(other, "a")->ident, "other files, another ident");
    TAP_OK(domain_find_ident(one, ident) == domain_find_name(one, "a"), "found by ident");
    domain_unref(one);
    domain_unref(same);
    domain_unref(other);
    domain_unref(changed);
}

static void test_deep(void)
{
    enum { N = 1000 };
    static char names[N][16];
    static const char *pairs[2 * N + 2];
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof(names[i]), "snapshot-%04d", i);
        pairs[2 * i] = names[i];
        pairs[2 * i + 1] = i ? names[i - 1] : NULL;
    }
    struct domain *d = build(pairs, names[N - 1]);
    size_t cut = 0, longest = 0;
    for (size_t i = 0; i < d->n; i++) {
        struct text t = {0};
        snapshot_path(&d->all[i], &t);
        bool right = t.len == d->all[i].path_len;
        if (!right)
            TAP_OK(false, "length of %s: %zu", t.s, d->all[i].path_len);
        longest = t.len > longest ? t.len : longest;
        cut += d->all[i].in_by_name;
        text_drop(&t);
    }
    TAP_OK(longest + DOMAIN_ENTRY_ROOM <= DOMAIN_PATH_MAX, "no path too long: %zu", longest);
    TAP_OK(cut > 0 && cut < 10, "%zu directories stand in by-name", cut);
    TAP_OK(d->roots[0]->n_descendants == N - 1, "descendants of the first");
    domain_unref(d);
}

int main(void)
{
    test_shape();
    test_inside();
    test_guess();
    test_idents();
    test_deep();
    return tap_done();
}
