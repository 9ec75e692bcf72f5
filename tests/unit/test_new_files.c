/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of a new snapshot: how their names are chosen, and that they are free.
 * Runs on libvirt's test driver, with the domain's disk in a directory of the test. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "model/create/new_files.h"
#include "tap.h"
#include "model/model.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define DISK(target, file)                                                                         \
    "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='%s/" file       \
    "'/><target dev='" target "'/></disk>"
#define NODE                                                                                       \
    "<node><domain type='test'><name>d</name><uuid>" UUID "</uuid><memory>8192</memory>"           \
    "<os><type>hvm</type></os><devices>" DISK("vda", "disk.v1.raw") DISK("vdb", "disk.v1.img")     \
        DISK("vdc", "a,b") DISK("vdd", ".hidden")                                                  \
            DISK("vde", "named.one") "</devices></domain></node>"

static char dir[] = "/tmp/snapfs-targets-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void make_file(const char *name)
{
    int fd = open(in_dir(name), O_CREAT | O_WRONLY, 0600);
    if (fd >= 0)
        close(fd);
}

struct world {
    struct model *m;
    struct domain *d;
    struct survey v;
};

static bool open_world(struct world *w)
{
    char uri[600];
    struct err e = {0};
    FILE *f = fopen(in_dir("node.xml"), "w");
    if (!f)
        return false;
    fprintf(f, NODE, dir, dir, dir, dir, dir);
    fclose(f);
    snprintf(uri, sizeof(uri), "test://%s", in_dir("node.xml"));
    struct model_options o = {.uri = uri};
    bool ok = model_open(&o, &w->m, &e) == 0 && model_domain_now(w->m, UUID, &w->d, &e) == 0 &&
              survey_make(w->m, w->d, false, &w->v, &e) == 0;
    return TAP_OK(ok, "a domain of the test driver: %s", e.text);
}

/* ---- names ---- */

/* Checks the n-th disk's file for `words`; NULL: they fail with `no` and a sentence that has `says`. */
static void settle(struct world *w, const char *words, size_t n, const char *want, int no,
                   const char *says)
{
    struct wish wish;
    struct plan p;
    struct new_files t = {0};
    struct err e = {0};
    int r = words_parse(words, &wish, &e);
    if (r == 0)
        r = plan_make(w->v.live, w->d->active, &wish, &p, &e);
    if (r == 0)
        r = new_files_settle(&w->v, w->d, &wish, &t, &e);
    if (!want)
        TAP_OK(r == -no && strstr(e.text, says), "'%.60s' is refused: %s", words, e.text);
    else if (TAP_OK(r == 0 && t.n > n, "'%.60s': %zu files %s", words, t.n, e.text))
        TAP_STR(strrchr(t.items[n].path, '/') + 1, want, "the name that is chosen");
    new_files_drop(&t);
    wish_drop(&wish);
}

static void test_names(struct world *w)
{
    char line[1024], want[512], name[201];
    settle(w, "one disk-only", 0, "disk.v1.one", 0, NULL);
    settle(w, "one disk-only", 1, "disk.v1.one-2", 0, NULL);
    settle(w, "one disk-only", 2, "a_b.one", 0, NULL);
    settle(w, "one disk-only", 3, ".hidden.one", 0, NULL);
    settle(w, "one disk-only", 4, "named.one-2", 0, NULL);
    settle(w, "one external", 5, "disk.v1.one.memory", 0, NULL);
    make_file("disk.v1.two");
    settle(w, "two disk-only", 0, "disk.v1.two-2", 0, NULL);
    settle(w, "two disk-only", 1, "disk.v1.two-3", 0, NULL);
    if (symlink("nowhere", in_dir("disk.v1.three")) == 0)
        settle(w, "three disk-only", 0, "disk.v1.three-2", 0, NULL);
    memset(name, 'x', 200);
    name[200] = '\0';
    snprintf(line, sizeof(line), "%s external", name);
    snprintf(want, sizeof(want), "disk.v1.%s.memory", name);
    settle(w, line, 5, want, 0, NULL);
    snprintf(line, sizeof(line), "x memspec=%s", in_dir("three"));
    settle(w, line, 5, "three", 0, NULL);
    snprintf(line, sizeof(line), "x memspec=%s", in_dir("disk.v1.three"));
    settle(w, line, 0, NULL, EEXIST, "link");
    snprintf(line, sizeof(line), "x memspec=%s", in_dir("./named.one"));
    settle(w, line, 0, NULL, EEXIST, "named");
    snprintf(line, sizeof(line), "x memspec=%s", in_dir("disk.v1.two"));
    settle(w, line, 0, NULL, EEXIST, "there already");
    settle(w, "x memspec=\"/a\tb\"", 0, NULL, EINVAL, "control");
    settle(w, "x disk-only diskspec=vda,file=a", 0, NULL, EINVAL, "'/'");
}

/* ---- right before the call ---- */

static void test_confirm(void)
{
    struct target item = {.path = strdup(in_dir("new"))};
    const struct new_files t = {.items = &item, .n = 1};
    TAP_OK(new_files_confirm(&t, NULL) == 0, "nothing of that name is there");
    make_file("new");
    TAP_OK(new_files_confirm(&t, NULL) == -EEXIST, "someone has made it meanwhile");
    item.there = true;
    TAP_OK(new_files_confirm(&t, NULL) == 0, "it was there before");
    free(item.path);
}

int main(void)
{
    struct world w = {0};
    if (!TAP_OK(mkdtemp(dir) != NULL, "a directory"))
        return tap_done();
    if (open_world(&w)) {
        test_names(&w);
        test_confirm();
        survey_drop(&w.v);
    }
    domain_unref(w.d);
    model_close(w.m);
    static const char *const made[] = {"node.xml", "disk.v1.two", "disk.v1.three", "new"};
    for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++)
        unlink(in_dir(made[i]));
    TAP_OK(rmdir(dir) == 0, "nothing else was made");
    return tap_done();
}
