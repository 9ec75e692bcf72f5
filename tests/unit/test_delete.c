/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_delete.c - a delete as it stands in the journal. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/delete/delete.h"
#include "model/delete/plan.h"
#include "tap.h"
#include "model/journal/pending.h"

#define UUID "11111111-2222-3333-4444-666666666666"

static char top[] = "/tmp/test-delete-XXXXXX";

static struct delete *make(struct journal *j)
{
    struct delete *del = (struct delete *)procedure_new(&delete_kind);
    del->p.j = j;
    del->p.uri = strdup("qemu:///system");
    del->p.snapshot = strdup("a b\n%");
    del->created = 1700000000, del->snapshots = UINT64_MAX;
    del->hide = del->start = true;
    delete_add(del, "vda", "/i/a b", "raw", "/i/a.s1", "");
    delete_add(del, "vdb", "/i/b", "qcow2", "/i/b.s1", "/i/b.s2");
    del->left.items = calloc(1, sizeof(*del->left.items));
    del->left.items[del->left.n++] = (struct unused_file){strdup("/i/m"), LEFT_MEMORY, 7, 8};
    return del;
}

/* The journal of the same plan as the version before wrote it; it had a reader and a writer of its own. */
static const char older[] = "delete 2\nuri qemu:///system\nsnapshot a%20b%0A%25\n"
                            "state 1700000000 18446744073709551615 0 0 1 1\n"
                            "disk vda /i/a%20b raw /i/a.s1 -\n"
                            "disk vdb /i/b qcow2 /i/b.s1 /i/b.s2\nleft /i/m 2 7 8\nforce\nready\n"
                            "step start\nstep merge\npivoting vda\nmerged vdb\nmerged vda\n"
                            "step stop\nstep move\nstep hide\nstep forget\nstep remove\n";

static struct delete *read_text(const char *text, struct err *e)
{
    struct procedure *p = NULL;
    *e = (struct err){0};
    return procedure_read(&delete_kind, text, &p, e) < 0 ? NULL : (struct delete *)p;
}

static void release(struct delete *del)
{
    procedure_free(del ? &del->p : NULL);
}

static void same(const struct delete *a, const struct delete *b)
{
    TAP_STR(a->p.uri, b->p.uri, "the URI");
    TAP_STR(a->p.snapshot, b->p.snapshot, "the snapshot");
    TAP_OK(a->created == b->created && a->snapshots == b->snapshots, "which it is");
    TAP_OK(a->native == b->native && a->hide == b->hide && a->start == b->start &&
               a->force == b->force,
           "how");
    TAP_OK(a->left.n == b->left.n, "as many files");
    if (!TAP_OK(a->n == b->n, "as many disks"))
        return;
    for (size_t i = 0; i < a->n; i++) {
        TAP_STR(a->disks[i].target, b->disks[i].target, "a disk");
        TAP_STR(a->disks[i].base, b->disks[i].base, "its base");
        TAP_STR(a->disks[i].format, b->disks[i].format, "the format of that");
        TAP_STR(a->disks[i].top, b->disks[i].top, "its overlay");
        TAP_STR(a->disks[i].above, b->disks[i].above, "what stands on that");
        TAP_OK(a->disks[i].pivoting == b->disks[i].pivoting, "pivoting");
        TAP_OK(a->disks[i].merged == b->disks[i].merged, "merged");
    }
}

static void glance(const struct delete *del, int step, const char *what)
{
    struct err e;
    autofree char *text = journal_glance(UUID);
    struct delete *back = text ? read_text(text, &e) : NULL;
    if (TAP_OK(back && back->p.step == step, "%s: read back", what))
        same(back, del);
    release(back);
}

static void test_record(void)
{
    struct journal *j = NULL;
    struct err e = {0};
    TAP_OK(journal_open(UUID, false, &j, &e) == 0, "a journal: %s", e.text);
    struct delete *del = make(j);
    const char *name = del->p.snapshot;
    del->force = true;
    TAP_OK(procedure_note_plan(&del->p, &e) == 0, "recorded: %s", e.text);
    glance(del, -1, "the plan");
    TAP_OK(!delete_has_begun(UUID, name), "nothing of it has begun");
    TAP_OK(procedure_note_step(&del->p, DELETE_START, &e) == 0, "it is started");
    TAP_OK(!delete_has_begun(UUID, name), "its bytes are as before");
    TAP_OK(procedure_note_step(&del->p, DELETE_MERGE, &e) == 0, "it is merged");
    TAP_OK(delete_has_begun(UUID, name), "its bytes are spoilt");
    TAP_OK(!delete_has_begun(UUID, "another"), "not those of another");
    TAP_OK(delete_note_pivoting(del, &del->disks[0], &e) == 0, "one pivots");
    for (size_t i = del->n; i-- > 0;)
        TAP_OK(delete_note_merged(del, &del->disks[i], &e) == 0, "disk %zu is merged", i);
    TAP_OK(delete_note_merged(del, &del->disks[0], &e) == 0, "which is noted once");
    glance(del, DELETE_MERGE, "the merges");
    TAP_OK(procedure_note_step(&del->p, DELETE_START, &e) == 0 && del->p.step == DELETE_MERGE,
           "what has begun has, though the domain is started again");
    for (int step = DELETE_STOP; step < DELETE_STEPS; step++)
        if (step != DELETE_NATIVE)
            TAP_OK(procedure_note_step(&del->p, step, &e) == 0, "step %d", step);
    TAP_OK(delete_has_begun(UUID, name), "it stays so");
    glance(del, DELETE_REMOVE, "the last step");
    autofree char *text = journal_glance(UUID);
    TAP_STR(text, older, "the lines are those of the version before");
    TAP_OK(journal_end(j, &e) == 0, "it ends");
    TAP_OK(!delete_has_begun(UUID, name), "nothing has begun then");
    journal_close(j);
    char *none = journal_glance(UUID);
    TAP_OK(!none, "no journal is left");
    free(none);
    TAP_OK(!delete_has_begun("../x", "s"), "no uuid");
    release(del);
}

static void refuses(const char *text, const char *what)
{
    struct err e;
    TAP_OK(!read_text(text, &e) && e.no == EIO, "%s: %s", what, e.text);
}

#define HEAD "delete 2\nuri u\nsnapshot s\nstate 1 2 0 0 0 1\n"

static void test_read(void)
{
    struct err e;
    TAP_OK(!read_text(HEAD, &e) && e.no == 0, "one that was not ready");
    refuses("delete 1\n", "another version");
    refuses("delete 3\n", "a later version");
    refuses("revert 1\n", "another operation");
    refuses("delete 2\nready\n", "one that lacks what it needs");
    refuses(HEAD "state 1 2 0 0 1\n", "a state that was cut");
    refuses(HEAD "disk vda /b raw /t\n", "a disk that was cut");
    refuses(HEAD "merged vda\n", "a disk that was not to be");
    refuses(HEAD "step dance\n", "an unknown step");
    refuses(HEAD "left /f 9 1 2\n", "a file of no kind");
}

#define LINE HEAD "disk vda /b1 raw /t1 /t2\ndisk vda /b3 raw /t4 -\nready\nstep merge\n"

static void merges(const char *notes, bool first, bool second, const char *what)
{
    autotext struct text t = {0};
    struct err e;
    text_add(&t, LINE "%s", notes);
    struct delete *del = read_text(t.s, &e);
    TAP_OK(del && del->disks[0].merged == first && del->disks[1].merged == second, "%s", what);
    release(del);
}

/* One of two overlays in a disk's chain may be merged, and the other may not. */
static void test_two_in_a_chain(void)
{
    struct journal *j = NULL;
    struct err e = {0};
    merges("merged vda\n", false, false, "which of two was merged an older version does not say");
    merges("merged-top /t4\n", false, true, "this one does");
    merges("merged-top /t1\npivoting-top /t4\n", true, false, "of either");
    refuses(LINE "merged-top /t2\n", "an overlay that was not to be merged");
    TAP_OK(journal_open(UUID, false, &j, &e) == 0, "a journal: %s", e.text);
    struct delete *del = read_text(LINE, &e);
    del->p.j = j;
    TAP_OK(delete_note_pivoting(del, &del->disks[1], &e) == 0 &&
               delete_note_merged(del, &del->disks[1], &e) == 0,
           "both are noted");
    release(del);
    journal_close(j);
    TAP_OK(journal_open(UUID, false, &j, &e) == 0, "again: %s", e.text);
    TAP_STR(journal_text(j), "pivoting-top /t4\nmerged-top /t4\n", "by the overlay");
    journal_end(j, &e);
    journal_close(j);
}

/* The planner sorts its own entries again. */
static void test_disks(void)
{
    struct delete *del = make(NULL);
    delete_drop_disks(del);
    TAP_OK(!del->n && !del->disks && del->left.n == 1, "the disks go, and nothing else");
    TAP_OK(delete_add(del, "vdc", "/i/c", "raw", "/i/c.s1", "") && del->n == 1, "others come");
    release(del);
}

int main(void)
{
    if (!mkdtemp(top))
        return 1;
    setenv("STATE_DIRECTORY", top, 1);
    test_record();
    test_read();
    test_two_in_a_chain();
    test_disks();
    TAP_OK(rmdir(top) == 0, "nothing is left in the directory");
    return tap_done();
}
