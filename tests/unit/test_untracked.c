/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_untracked.c - the directory of each tag, and its name. */
#include <stdlib.h>

#include "model/catalog/tag_dirs.h"
#include "tap.h"

struct row {
    const char *name, *target, *path;
    uint64_t entry;
    bool claimed;
};

/* Returns the untracked tags of the rows, in the order of their rank; freed by untracked_free. */
static struct untracked_tag *arranged(const struct row *rows, size_t n, bool backwards)
{
    struct untracked_tag *s = calloc(n, sizeof(*s));
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[backwards ? n - 1 - i : i];
        s[i] = (struct untracked_tag){.name = strdup(r->name),
                                      .id = strdup("1"),
                                      .path = r->path,
                                      .target = r->target,
                                      .identity.entry = r->entry,
                                      .claimed = r->claimed,
                                      .rank = backwards ? n - 1 - i : i};
    }
    untracked_arrange(s, n);
    return s;
}

static const struct untracked_tag *with_entry(const struct untracked_tag *s, size_t n,
                                              uint64_t entry)
{
    for (size_t i = 0; i < n; i++)
        if (s[i].identity.entry == entry)
            return &s[i];
    return NULL;
}

static void coded_is(const struct untracked_tag *s, const char *want)
{
    char *coded = untracked_coded(s);
    TAP_STR(coded, want, want);
    free(coded);
}

static void test_together(void)
{
    const struct row rows[] = {
        {"a", "vda", "/1", 1, false}, {"b", "vda", "/1", 2, false}, {"a", "vdb", "/2", 3, false}};
    struct untracked_tag *s = arranged(rows, 3, false);
    TAP_OK(untracked_together(s, 3) == 2 && !strcmp(s[1].target, "vdb"),
           "a name on two disks is one");
    TAP_OK(untracked_together(s + 2, 1) == 1, "another name is another");
    TAP_OK(!s[0].mark && !s[1].mark && !s[2].mark, "none needs a mark");
    coded_is(&s[0], "a");
    untracked_free(s, 3);
    untracked_arrange(NULL, 0);
}

static void test_marks(void)
{
    const struct row rows[] = {
        {"a", "vda", "/top", 1, false},  {"a", "vda", "/top", 2, false},
        {"a", "vda", "/base", 3, false}, {"a", "vdb", "/base", 3, false},
        {"s", "vda", "/top", 4, true},   {"s", "vda", "/base", 5, false},
        {"", "vda", "/top", 6, false},
    };
    enum { N = sizeof(rows) / sizeof(*rows) };
    struct untracked_tag *s = arranged(rows, N, false), *other = arranged(rows, N, true);
    for (size_t i = 0; i < N; i++)
        TAP_OK(s[i].mark == other[i].mark && s[i].identity.entry == other[i].identity.entry,
               "the order in which they are found does not matter: %zu", i);
    TAP_OK(!with_entry(s, N, 1)->mark, "the first has the plain name");
    TAP_OK(with_entry(s, N, 2)->mark, "the second in its file has a mark");
    TAP_OK(with_entry(s, N, 4)->mark, "one that is called as a snapshot in its file has a mark");
    TAP_OK(!with_entry(s, N, 5)->mark, "and takes the plain name from nobody");
    TAP_OK(with_entry(s, N, 6)->mark, "the nameless one has a mark");
    size_t plain = 0, below = 0;
    for (size_t i = 0; i < N; i++) {
        plain += s[i].identity.entry == 3 && !s[i].mark;
        below += s[i].identity.entry == 3 && s[i].mark;
    }
    TAP_OK(plain == 1 && below == 1, "each disk has a first of its own");
    untracked_free(s, N);
    untracked_free(other, N);
}

static void test_stable(void)
{
    const struct row two[] = {{"a", "vda", "/1", 1, false}, {"a", "vda", "/1", 2, false}};
    const struct row three[] = {
        {"a", "vda", "/1", 1, false}, {"a", "vda", "/1", 7, false}, {"a", "vda", "/1", 2, false}};
    const struct row moved[] = {{"a", "vda", "/1", 1, false}, {"a", "vda", "/2", 2, false}};
    struct untracked_tag *x = arranged(two, 2, false), *y = arranged(three, 3, false);
    struct untracked_tag *z = arranged(moved, 2, false);
    uint64_t mark = with_entry(x, 2, 2)->mark;
    TAP_OK(mark == with_entry(y, 3, 2)->mark, "a mark depends on the tag alone");
    TAP_OK(mark != with_entry(y, 3, 7)->mark, "another entry has another");
    TAP_OK(mark != with_entry(z, 2, 2)->mark, "the same entry in another file, too");
    char *coded = untracked_coded(with_entry(x, 2, 2));
    TAP_OK(strlen(coded) == 18 && !strncmp(coded, "a~", 2), "it stands behind the name: %s", coded);
    free(coded);
    untracked_free(x, 2);
    untracked_free(y, 3);
    untracked_free(z, 2);
}

int main(void)
{
    test_together();
    test_marks();
    test_stable();
    return tap_done();
}
