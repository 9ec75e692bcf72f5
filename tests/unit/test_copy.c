/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_copy.c - copies of files, what is marked on them, and a revert on copies as it stands in the
 * journal; no libvirt. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/text.h"
#include "model/model.h"
#include "model/revert/copy.h"
#include "model/revert/copy_file.h"
#include "model/revert/copy_plan.h"
#include "model/storage/file_marks.h"
#include "model/activity/task.h"
#include "tap.h"

#define UUID "11111111-2222-3333-4444-555555555555"

enum { SIZE = 8 << 20, AT = 5 << 20 };

static char top[] = "/var/tmp/test-copy-XXXXXX";

static char *path(const char *name)
{
    struct text t = {0};
    text_add(&t, "%s/%s", top, name);
    return text_take(&t, NULL);
}

/* ---- files ---- */

static void put(const char *file, off_t at, const char *bytes)
{
    autoclose int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    TAP_OK(ftruncate(fd, SIZE) == 0 &&
               pwrite(fd, bytes, strlen(bytes), at) == (ssize_t)strlen(bytes),
           "a file is written");
}

static bool same(const char *a, const char *b)
{
    autoclose int x = open(a, O_RDONLY | O_CLOEXEC), y = open(b, O_RDONLY | O_CLOEXEC);
    autofree char *p = malloc(SIZE), *q = malloc(SIZE);
    return pread(x, p, SIZE, 0) == SIZE && pread(y, q, SIZE, 0) == SIZE && !memcmp(p, q, SIZE);
}

static void test_copies(const char *from, const char *to)
{
    struct err e = {0};
    struct stat a, b;
    struct copy_file f = {.from = from, .to = to};
    put(from, AT, "here");
    TAP_OK(copy_files(&f, 1, &e) == 0, "it is copied %s", e.text);
    TAP_OK(same(from, to), "all of it");
    TAP_OK(stat(from, &a) == 0 && stat(to, &b) == 0 && a.st_mode == b.st_mode &&
               a.st_size == b.st_size,
           "mode and size");
    TAP_OK(b.st_blocks <= a.st_blocks && a.st_blocks * 512 < SIZE, "holes stay holes");
    TAP_OK(copy_files(&f, 1, &e) == -EEXIST, "not over a file: %s", e.text);
    f.to = from;
    f.from = "/dev/null";
    TAP_OK(copy_files(&f, 1, &e) < 0, "not of what is no file: %s", e.text);
}

static void test_locked(const char *from, const char *to)
{
    struct err e = {0};
    struct copy_file f = {.from = from, .to = to};
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1};
    autoclose int fd = open(from, O_RDWR | O_CLOEXEC);
    TAP_OK(fcntl(fd, F_OFD_SETLK, &lock) == 0, "a QEMU may write to it");
    TAP_OK(copy_files(&f, 1, &e) == -EBUSY, "then it is not copied: %s", e.text);
    TAP_OK(access(to, F_OK) < 0, "and nothing is made");
}

static void *unwant(void *task)
{
    task_unwanted(task);
    return NULL;
}

static void test_interrupted(const char *from, const char *to)
{
    struct err e = {0};
    struct model_options options = {.uri = "test:///default"};
    struct model *m = NULL;
    struct task task;
    pthread_t thread;
    struct copy_file f = {.from = from, .to = to};
    TAP_OK(model_open(&options, &m, &e) == 0, "a model %s", e.text);
    task_begin(&task, m, "revert", "web/x");
    TAP_OK(pthread_create(&thread, NULL, unwant, &task) == 0, "it is wanted no more");
    while (task_check(NULL) == 0)
        sched_yield();
    TAP_OK(copy_files(&f, 1, &e) == -EINTR, "then nothing is copied: %s", e.text);
    task_end(&task);
    pthread_join(thread, NULL);
    model_close(m);
    TAP_OK(unlink(to) == 0 && copy_files(&f, 1, &e) == 0, "without a task it is");
    TAP_OK(unlink(to) == 0, "and goes again");
}

/* ---- marks ---- */

static void test_marks(const char *file, const char *other)
{
    uint64_t first[] = {1, UINT64_MAX}, second = 77;
    mark_left(file, first, 2);
    mark_left(file, &second, 1);
    struct marks m = mark_read(file);
    if (m.n) { /* if the file system has such attributes */
        TAP_OK(m.n == 3 && mark_is_left(&m, 1) && mark_is_left(&m, UINT64_MAX) &&
                   mark_is_left(&m, 77),
               "what is left over is read back");
        mark_made(file);
        TAP_OK(mark_is_made(file), "it was made here");
    }
    TAP_OK(!mark_is_left(&m, 2), "nothing else is");
    mark_drop(&m);
    m = mark_read(other);
    TAP_OK(!m.n && !mark_is_made(other), "nor is another file marked");
    mark_drop(&m);
}

/* ---- the journal ---- */

static struct copying *make(struct journal *j)
{
    struct copying *c = (struct copying *)procedure_new(&copy_kind);
    c->p.j = j;
    c->p.uri = strdup("qemu:///system");
    c->p.snapshot = strdup("a b\n%41");
    c->current = strdup("");
    c->before = strdup("<domain>\n</domain>");
    c->active = true, c->snapshots = UINT64_MAX, c->config = 3;
    copying_add(c, "vda", "/i/a b", "/i/a.n")->entry = 9;
    copying_add(c, "vdb", "/i/b", "/i/b.n")->entry = UINT64_MAX;
    c->left.items = calloc(1, sizeof(*c->left.items));
    c->left.items[c->left.n++] = (struct unused_file){strdup("/i/b"), LEFT_TOP, 7, 8};
    return c;
}

/* The journal of the same plan as the version before wrote it; it had a reader and a writer of its own. */
static const char older[] = "copy 2\nuri qemu:///system\nsnapshot a%20b%0A%2541\ncurrent -\n"
                            "before <domain>%0A</domain>\nstate 1 18446744073709551615 3\n"
                            "disk vda /i/a%20b /i/a.n 9\ndisk vdb /i/b /i/b.n "
                            "18446744073709551615\nleft /i/b 0 7 8\nready\n"
                            "step make\nstep move\nstep revert\nstep remove\nstep undo\n";

static struct copying *read_text(const char *text, struct err *e)
{
    struct procedure *p = NULL;
    *e = (struct err){0};
    return procedure_read(&copy_kind, text, &p, e) < 0 ? NULL : (struct copying *)p;
}

static void same_plan(const struct copying *back, const struct copying *c)
{
    TAP_STR(back->p.snapshot, c->p.snapshot, "the snapshot");
    TAP_STR(back->current, c->current, "the current one");
    TAP_STR(back->p.uri, c->p.uri, "the URI");
    TAP_STR(back->before, c->before, "the configuration");
    TAP_OK(back->active && back->snapshots == UINT64_MAX && back->config == 3, "the prints");
    TAP_OK(back->n == 2 && back->disks[0].entry == 9 && back->disks[1].entry == UINT64_MAX,
           "the disks");
    TAP_STR(back->disks[0].from, "/i/a b", "a file");
    TAP_STR(back->disks[1].to, "/i/b.n", "its copy");
    TAP_OK(back->left.n == 1 && back->left.items[0].ino == 8, "and what may be left");
}

static void refuses(const char *text, const char *what)
{
    struct err e;
    TAP_OK(!read_text(text, &e) && e.no == EIO, "%s: %s", what, e.text);
}

static void is_none(const char *text, const char *what)
{
    struct err e;
    TAP_OK(!read_text(text, &e) && e.no == 0, "%s %s", what, e.text);
}

#define HEAD "uri u\nsnapshot s\ncurrent -\nstate 0 1 2\n"

static void test_journal(void)
{
    struct err e = {0};
    struct journal *j = NULL;
    TAP_OK(journal_open(UUID, false, &j, &e) == 0, "a journal %s", e.text);
    struct copying *c = make(j);
    TAP_OK(procedure_note_plan(&c->p, &e) == 0, "the plan is written %s", e.text);
    for (int step = COPY_MAKE; step <= COPY_UNDO; step++)
        TAP_OK(procedure_note_step(&c->p, step, &e) == 0, "step %d %s", step, e.text);
    journal_close(j);
    TAP_OK(journal_open(UUID, false, &j, &e) == 0, "opens again");
    TAP_STR(journal_text(j), older, "the lines are those of the version before");
    struct copying *back = read_text(journal_text(j), &e);
    if (TAP_OK(back, "is read %s", e.text))
        same_plan(back, c);
    TAP_OK(back && back->p.step == COPY_UNDO, "the last step counts");
    procedure_free(back ? &back->p : NULL);
    procedure_free(&c->p);
    TAP_OK(journal_end(j, &e) == 0, "it ends");
    journal_close(j);
}

static void test_read(void)
{
    struct err e;
    struct copying *c = read_text("copy 1\n" HEAD "disk vda /a /b 1\nready\nstep move\n", &e);
    TAP_OK(c && !c->before && c->p.step == COPY_MOVE, "an older version has no configuration %s",
           e.text);
    procedure_free(c ? &c->p : NULL);
    refuses("copy 3\n", "a later version");
    refuses("copy 1\ndisk a b c x\n", "no number");
    refuses("copy 2\n" HEAD "ready\n", "one without a disk");
    is_none("copy 1\nuri x\n", "one that was not begun is none");
    is_none("copy 2\n", "nor is one of this version");
}

int main(void)
{
    if (!mkdtemp(top) || setenv("STATE_DIRECTORY", top, 1) < 0)
        return 1;
    autofree char *from = path("from"), *to = path("to"), *never = path("never");
    test_copies(from, to);
    test_locked(from, never);
    test_interrupted(from, never);
    test_marks(from, to);
    test_journal();
    test_read();
    unlink(from);
    unlink(to);
    rmdir(top);
    return tap_done();
}
