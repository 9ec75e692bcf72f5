/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_revert.c - a revert in the journal, and the facts that its steps use; no libvirt. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/text.h"
#include "base/uuid.h"
#include "model/storage/overlay_name.h"
#include "model/change/fingerprint.h"
#include "model/revert/overlays.h"
#include "model/revert/overlays_plan.h"
#include "tap.h"

#define UUID "11111111-2222-3333-4444-555555555555"

static char top[] = "/tmp/test-revert-XXXXXX";

/* ---- the journal ---- */

static struct revert *make(struct journal *j)
{
    struct revert *rv = (struct revert *)procedure_new(&revert_kind);
    rv->p.j = j;
    rv->p.uri = strdup("qemu:///system");
    rv->p.snapshot = strdup("a b\n%41-\xc3\xa9");
    rv->current = strdup("-");
    rv->memory = strdup("");
    rv->config = strdup("<domain>\n  <name>a</name>\n</domain>\n");
    memcpy(rv->scratch, UUID, sizeof(rv->scratch));
    rv->flags = 5, rv->start = true, rv->leaf = true;
    rv->snapshots = 1, rv->config_before = UINT64_MAX, rv->config_after = 0;
    struct revert_disk *disk = revert_add(rv, "vda", "/i/a b", "qcow2", "/i/a.n");
    disk->captured = true;
    rv->left.items = calloc(1, sizeof(*rv->left.items));
    rv->left.items[rv->left.n++] =
        (struct unused_file){strdup("/i/a\tc"), LEFT_BELOW, 7, UINT64_MAX};
    disk = revert_add(rv, "vdb", "/i/b", "raw", "/i/b.n");
    disk->forked = true;
    return rv;
}

static void same_disk(const struct revert_disk *a, const struct revert_disk *b)
{
    TAP_STR(a->target, b->target, "a disk's target");
    TAP_STR(a->base, b->base, "its base");
    TAP_STR(a->format, b->format, "its format");
    TAP_STR(a->overlay, b->overlay, "its overlay");
    TAP_OK(a->captured == b->captured && a->forked == b->forked, "what it is");
    TAP_OK(a->made == b->made && a->new_dev == b->new_dev && a->new_ino == b->new_ino &&
               a->new_size == b->new_size && a->new_mtime == b->new_mtime,
           "and what was made");
}

static void same_leftover(const struct unused_file *a, const struct unused_file *b)
{
    TAP_STR(a->path, b->path, "a file that may be left");
    TAP_OK(a->what == b->what && a->dev == b->dev && a->ino == b->ino, "which it is");
}

static void same(const struct revert *a, const struct revert *b)
{
    TAP_STR(a->p.uri, b->p.uri, "the URI");
    TAP_STR(a->p.snapshot, b->p.snapshot, "the snapshot");
    TAP_STR(a->current, b->current, "the current one");
    TAP_STR(a->memory, b->memory, "the memory");
    TAP_STR(a->config, b->config, "the configuration");
    TAP_STR(a->scratch, b->scratch, "the uuid");
    TAP_OK(a->flags == b->flags && a->start == b->start && a->active == b->active &&
               a->leaf == b->leaf,
           "the state");
    TAP_OK(a->snapshots == b->snapshots && a->config_before == b->config_before &&
               a->config_after == b->config_after,
           "the prints");
    if (TAP_OK(a->n == b->n, "as many disks"))
        for (size_t i = 0; i < a->n; i++)
            same_disk(&a->disks[i], &b->disks[i]);
    if (TAP_OK(a->left.n == b->left.n, "as many files"))
        for (size_t i = 0; i < a->left.n; i++)
            same_leftover(&a->left.items[i], &b->left.items[i]);
}

static struct journal *reopen(struct journal *j)
{
    struct err e = {0};
    journal_close(j);
    j = NULL;
    TAP_OK(journal_open(UUID, false, &j, &e) == 0, "the journal opens: %s", e.text);
    return j;
}

static struct revert *read_text(const char *text, struct err *e)
{
    struct procedure *p = NULL;
    *e = (struct err){0};
    return procedure_read(&revert_kind, text, &p, e) < 0 ? NULL : (struct revert *)p;
}

static struct revert *read_back(const struct journal *j)
{
    struct err e;
    struct revert *rv = read_text(journal_text(j), &e);
    TAP_OK(rv, "it is read back: %s", e.text);
    return rv;
}

static void release(struct revert *rv)
{
    procedure_free(rv ? &rv->p : NULL);
}

/* The journal of the same plan as the version before wrote it; it had a reader and a writer of its own. */
static const char older[] =
    "revert 3\nuri qemu:///system\nsnapshot a%20b%0A%2541-\xc3\xa9\n"
    "current %2D\nmemory -\n"
    "config <domain>%0A%20%20<name>a</name>%0A</domain>%0A\nmaker " UUID "\n"
    "state 5 1 0 1\nprints 1 18446744073709551615 0\n"
    "disk vda /i/a%20b qcow2 /i/a.n 1 0\ndisk vdb /i/b raw /i/b.n 0 1\n"
    "left /i/a%09c 1 7 18446744073709551615\nready\n"
    "step make\nmade vda 0 12 0 0\nmade vdb 0 0 0 18446744073709551615\n"
    "step define\nstep stop\nstep start\nstep mark\nstep fork\n"
    "step remove\nstep back\nstep undo\n";

static void test_record(void)
{
    struct journal *j = reopen(NULL);
    struct revert *rv = make(j), *a, *b;
    struct err e = {0};
    TAP_OK(procedure_note_plan(&rv->p, &e) == 0, "a revert is recorded: %s", e.text);
    j = rv->p.j = reopen(j);
    a = read_back(j);
    same(a, rv);
    TAP_OK(a->p.step == -1, "nothing has begun");
    TAP_OK(procedure_note_step(&rv->p, REVERT_MAKE, &e) == 0, "it begins: %s", e.text);
    rv->disks[0].made = rv->disks[1].made = true;
    rv->disks[0].new_ino = 12, rv->disks[1].new_mtime = UINT64_MAX;
    TAP_OK(procedure_note(&rv->p, "made", NULL, &e) == 0, "what was made: %s", e.text);
    for (int step = REVERT_DEFINE; step <= REVERT_UNDO; step++)
        TAP_OK(procedure_note_step(&rv->p, step, &e) == 0, "step %d: %s", step, e.text);
    j = reopen(j);
    TAP_STR(journal_text(j), older, "the lines are those of the version before");
    b = read_back(j);
    same(b, rv);
    TAP_OK(b->p.step == REVERT_UNDO, "the last step counts");
    journal_end(j, &e);
    journal_close(j);
    release(rv);
    release(a);
    release(b);
}

static void understands(const char *text, bool whole, const char *what)
{
    struct err e;
    struct revert *rv = read_text(text, &e);
    TAP_OK(e.no == 0 && !rv == !whole, "%s: %s", what, e.text);
    release(rv);
}

static void refuses(const char *text, const char *what)
{
    struct err e;
    TAP_OK(!read_text(text, &e) && e.no == EIO, "%s: %s", what, e.text);
}

#define HEAD "revert 2\nuri u\nsnapshot s\ncurrent c\nmemory -\nmaker " UUID "\nstate 0 0 0 0\n"
#define DISK "disk vda /c raw /o 1 0\n"

/* In version 2 the domain was started after it was marked. */
static void begins_at(const char *word, int step)
{
    autotext struct text t = {0};
    struct err e;
    text_add(&t, HEAD DISK "ready\nstep %s\n", word);
    struct revert *rv = read_text(t.s, &e);
    TAP_OK(rv && !rv->config && rv->p.step == step, "'%s' of an older version", word);
    release(rv);
}

static void test_read(void)
{
    understands("", false, "nothing");
    understands(HEAD DISK, false, "one that was not ready, so that nothing has begun");
    understands(HEAD DISK "ready\n", true, "one that was");
    understands(HEAD DISK "ready\nmade vda 1 2 3 4\nstep start\n", true, "one that went on");
    begins_at("make", REVERT_MAKE);
    begins_at("stop", REVERT_STOP);
    begins_at("define", REVERT_DEFINE);
    begins_at("mark", REVERT_START);
    begins_at("fork", REVERT_START);
    begins_at("remove", REVERT_REMOVE);
    refuses("revert 1\n", "another version");
    refuses("revert 4\n", "a later version");
    refuses("delete 1\n", "another operation");
    refuses("revert 2\nready\n", "one that lacks what it needs");
    refuses(HEAD "disk vda /c raw\nready\n", "a disk that was cut");
    refuses(HEAD "disk vda /c raw /o x 0\n", "no number");
    refuses(HEAD "disk vda /c raw /o -1 0\n", "a negative one");
    refuses(HEAD "disk vda /c%00 raw /o 1 0\n", "a NUL");
    refuses(HEAD "disk vda /c%4 raw /o 1 0\n", "half a code");
    refuses(HEAD "left /f 4 1 2\n", "a file of no kind");
    refuses(HEAD DISK "ready\nstep dance\n", "an unknown step");
    refuses(HEAD DISK "ready\nmade vdx 1 2 3 4\n", "a disk that was not there");
    refuses(HEAD "maker " UUID UUID "\n", "a uuid that is too long");
    refuses(HEAD "maker x\nready\n", "one that is no uuid");
    refuses(HEAD DISK "state 2 1 0 1\nready\nstep\n", "a step that was cut");
    refuses(HEAD "uri again\n", "a field that stands twice");
    refuses(HEAD "x a b c d e f g h i j k l m n\n", "a line that is too long");
}

/* ---- names ---- */

static void test_name(const char *content, const char *stem)
{
    autofree char *path = NULL;
    struct err e = {0};
    size_t len = strlen(stem);
    TAP_OK(overlay_name(content, &path, &e) == 0 && !strncmp(path, stem, len) && path[len] == '.' &&
               uuid_is(path + len + 1),
           "an overlay on '%.40s': '%.60s' %s", content, path ? path : "", e.text);
}

static void test_long_name(void)
{
    autotext struct text name = {0};
    autofree char *path = NULL;
    struct err e = {0};
    text_add(&name, "/i/");
    for (int i = 0; i < 83; i++)
        text_add(&name, "\xe2\x82\xac"); /* 249 bytes; 200 of them end inside one */
    TAP_OK(overlay_name(name.s, &path, &e) == 0, "a long name: %s", e.text);
    const char *dot = path ? strchr(path, '.') : NULL;
    TAP_OK(dot && dot - path == 3 + 198 && uuid_is(dot + 1), "is cut between characters");
}

static void refuses_name(const char *content)
{
    autofree char *path = NULL;
    struct err e = {0};
    TAP_OK(overlay_name(content, &path, &e) == -EOPNOTSUPP && !path, "refused: %s", e.text);
}

/* ---- files ---- */

static void test_untouched(void)
{
    autotext struct text path = {0};
    struct revert_disk disk = {.made = true};
    struct stat st;
    text_add(&path, "%s/overlay", top);
    disk.overlay = path.s;
    int fd = open(path.s, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    TAP_OK(fd >= 0 && fstat(fd, &st) == 0, "a file");
    disk.new_dev = st.st_dev, disk.new_ino = st.st_ino;
    disk.new_mtime = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
    TAP_OK(revert_untouched(&disk), "is as it was made");
    struct timespec later[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = st.st_mtim.tv_sec + 1}};
    futimens(fd, later);
    TAP_OK(!revert_untouched(&disk), "and not once it was written to");
    later[1] = st.st_mtim;
    futimens(fd, later);
    TAP_OK(revert_untouched(&disk), "(it is again)");
    TAP_OK(ftruncate(fd, 1) == 0 && futimens(fd, later) == 0 && !revert_untouched(&disk),
           "nor with another size");
    disk.made = false;
    TAP_OK(!revert_untouched(&disk), "nor if nobody knows");
    struct err e = {0};
    disk.base = disk.overlay, disk.format = (char[]){"raw"};
    TAP_OK(revert_check_made(&disk, &e) < 0, "what is no overlay is none: %s", e.text);
    close(fd);
    unlink(path.s);
}

static void test_print(void)
{
    static const char a[] = "<disk type='file'><source file='/a'/><target dev='vda'/></disk>";
    static const char b[] = "<disk type='file'><source file='/b'/><target dev='vdb'/></disk>";
    static const char c[] = "<disk type='file'><source file='/c'/><target dev='vdb'/></disk>";
    uint64_t prints[4] = {0};
    const char *disks[][2] = {{a, b}, {b, a}, {a, c}, {a, ""}};
    struct err e = {0};
    for (int i = 0; i < 4; i++) {
        autotext struct text t = {0};
        text_add(&t, "<domain><name>x</name><devices>%s%s</devices></domain>", disks[i][0],
                 disks[i][1]);
        TAP_OK(fingerprint_config(t.s, &prints[i], &e) == 0, "a print: %s", e.text);
    }
    TAP_OK(prints[0] == prints[1], "the order does not count");
    TAP_OK(prints[0] != prints[2] && prints[0] != prints[3] && prints[2] != prints[3],
           "the files do");
}

static void test_named_so(void)
{
    TAP_OK(overlay_is_named_so("/i/web.e1", "/i/web.qcow2"), "libvirt's name for an overlay");
    TAP_OK(overlay_is_named_so("/i/web.2024.1", "/i/web.2024.0"), "the next one's");
    TAP_OK(!overlay_is_named_so("/i/web.qcow2", "/i/web.img"), "a user's own image on another");
    TAP_OK(!overlay_is_named_so("/i/web.e1", "/i/db.qcow2"), "another stem");
    TAP_OK(!overlay_is_named_so("/j/web.e1", "/i/web.qcow2"), "another directory");
}

int main(void)
{
    if (!mkdtemp(top))
        return 1;
    setenv("STATE_DIRECTORY", top, 1);
    test_named_so();
    test_record();
    test_read();
    test_name("/images/disk.e1", "/images/disk");
    test_name("/images/disk", "/images/disk");
    test_name("/images.d/disk", "/images.d/disk");
    test_name("/images/.hidden", "/images/.hidden");
    test_name("/disk.a.b", "/disk.a");
    test_long_name();
    refuses_name("/images/a,b.e1");
    refuses_name("/ima,ges/ab.e1");
    refuses_name("/images/a\nb");
    refuses_name("no-directory");
    test_untouched();
    test_print();
    TAP_OK(rmdir(top) == 0, "nothing is left");
    return tap_done();
}
