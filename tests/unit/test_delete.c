/* test_delete.c - a delete as it stands in the journal. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/delete/delete.h"
#include "model/delete/plan.h"
#include "tap.h"

#define UUID "11111111-2222-3333-4444-666666666666"

static char top[] = "/tmp/test-delete-XXXXXX";

static struct delete *make(void)
{
    struct delete *del = calloc(1, sizeof(*del));
    del->uri = strdup("qemu:///system");
    del->snapshot = strdup("a b\n%");
    del->created = 1700000000, del->snapshots = UINT64_MAX;
    del->hide = del->start = true;
    delete_add(del, "vda", "/i/a b", "raw", "/i/a.s1", "");
    delete_add(del, "vdb", "/i/b", "qcow2", "/i/b.s1", "/i/b.s2");
    del->left.items = calloc(1, sizeof(*del->left.items));
    del->left.items[del->left.n++] = (struct leftover){strdup("/i/m"), LEFT_MEMORY, 7, 8};
    return del;
}

static void same(const struct delete *a, const struct delete *b)
{
    TAP_STR(a->uri, b->uri, "the URI");
    TAP_STR(a->snapshot, b->snapshot, "the snapshot");
    TAP_OK(a->created == b->created && a->snapshots == b->snapshots, "which it is");
    TAP_OK(a->native == b->native && a->hide == b->hide && a->start == b->start, "how");
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

static void test_record(void)
{
    struct delete *del autodestroy(delete_free) = make();
    struct delete *back autodestroy(delete_free) = NULL, *later autodestroy(delete_free) = NULL;
    struct journal *j = NULL;
    struct err e = {0};
    TAP_OK(journal_open(UUID, false, &j, &e) == 0, "a journal: %s", e.text);
    TAP_OK(delete_record(j, del, &e) == 0, "recorded: %s", e.text);
    char *text = journal_glance(UUID);
    TAP_OK(text && delete_read(text, &back, &e) == 0 && back, "read back: %s", e.text);
    free(text);
    if (back)
        same(back, del);
    TAP_OK(!delete_has_begun(UUID, del->snapshot), "nothing of it has begun");
    TAP_OK(delete_record_step(j, DELETE_START, &e) == 0, "it is started");
    TAP_OK(!delete_has_begun(UUID, del->snapshot), "its bytes are as before");
    TAP_OK(delete_record_step(j, DELETE_MERGE, &e) == 0, "it is merged");
    TAP_OK(delete_has_begun(UUID, del->snapshot), "its bytes are spoilt");
    TAP_OK(!delete_has_begun(UUID, "another"), "not those of another");
    TAP_OK(delete_record_pivoting(j, &del->disks[0], &e) == 0 && del->disks[0].pivoting, "pivots");
    TAP_OK(delete_record_merged(j, &del->disks[1], &e) == 0 && del->disks[1].merged, "is merged");
    TAP_OK(delete_record_step(j, DELETE_REMOVE, &e) == 0, "files go");
    TAP_OK(delete_has_begun(UUID, del->snapshot), "it stays so");
    text = journal_glance(UUID);
    TAP_OK(text && delete_read(text, &later, &e) == 0 && later->step == DELETE_REMOVE,
           "the last step counts");
    if (later)
        same(later, del);
    free(text);
    TAP_OK(journal_end(j, &e) == 0, "it ends");
    TAP_OK(!delete_has_begun(UUID, del->snapshot), "nothing has begun then");
    journal_close(j);
    TAP_OK(!journal_glance(UUID), "no journal is left");
    TAP_OK(!delete_has_begun("../x", "s"), "no uuid");
}

static void refuses(const char *text, const char *what)
{
    struct delete *del = NULL;
    struct err e = {0};
    TAP_OK(delete_read(text, &del, &e) == -EIO && !del, "%s: %s", what, e.text);
}

#define HEAD "delete 2\nuri u\nsnapshot s\nstate 1 2 0 0 0 1\n"

static void test_read(void)
{
    struct delete *del = NULL;
    struct err e = {0};
    TAP_OK(delete_read(HEAD, &del, &e) == 0 && !del, "one that was not ready");
    refuses("delete 1\n", "another version");
    refuses("revert 1\n", "another operation");
    refuses("delete 2\nready\n", "one that lacks what it needs");
    refuses(HEAD "state 1 2 0 0 1\n", "a state that was cut");
    refuses(HEAD "disk vda /b raw /t\n", "a disk that was cut");
    refuses(HEAD "merged vda\n", "a disk that was not to be");
    refuses(HEAD "step dance\n", "an unknown step");
    refuses(HEAD "left /f 9 1 2\n", "a file of no kind");
}

int main(void)
{
    if (!mkdtemp(top))
        return 1;
    setenv("STATE_DIRECTORY", top, 1);
    test_record();
    test_read();
    TAP_OK(rmdir(top) == 0, "nothing is left in the directory");
    return tap_done();
}
