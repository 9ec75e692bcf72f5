/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_kept.c - the records kept of a domain: bounds, spoiled files, two writers. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "model/journal/kept.h"
#include "tap.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define OTHER "11111111-2222-3333-4444-666666666666"

enum { WRITERS = 4, PUTS = 50 };

static char top[] = "/tmp/test-kept-XXXXXX";

static char *path_of(const char *name)
{
    struct text t = {0};
    text_add(&t, "%s/%s", top, name);
    return text_take(&t, NULL);
}

static struct kept *read_or_fail(void)
{
    struct kept *k = NULL;
    struct err e = {0};
    if (kept_read(NULL, UUID, NULL, &k, &e) < 0)
        TAP_OK(false, "reading never fails: %s", e.text);
    return k;
}

static bool has(const char *kind, const char *key, const char *value)
{
    autodestroy(kept_unref) struct kept *k = read_or_fail();
    const char *got = kept_get(k, kind, key);
    return value ? got && !strcmp(got, value) : !got;
}

static int put(const char *kind, const char *key, const char *value)
{
    struct err e = {0};
    return kept_put(NULL, UUID, kind, key, value, &e);
}

static void count(void *ctx, const char *key, const char *value)
{
    (void)key;
    (void)value;
    ++*(unsigned *)ctx;
}

static void count_files(void *ctx, const char *uuid)
{
    *(unsigned *)ctx += !strcmp(uuid, UUID);
}

static unsigned n_of(const char *kind)
{
    unsigned n = 0;
    autodestroy(kept_unref) struct kept *k = read_or_fail();
    kept_each(k, kind, count, &n);
    return n;
}

static int drop_odd(void *ctx, struct kept *k)
{
    (void)ctx;
    kept_drop(k, "size", "odd key %");
    return 0;
}

static int refuse(void *ctx, struct kept *k)
{
    (void)ctx;
    kept_set(k, "size", "refused", "1");
    return -EBUSY;
}

static void test_records(void)
{
    struct err e = {0};
    TAP_OK(has("size", "a", NULL) && n_of("size") == 0, "nothing is kept at first");
    TAP_OK(put("size", "a", "1") == 0 && has("size", "a", "1"), "a record is kept");
    TAP_OK(put("size", "a", "2") == 0 && has("size", "a", "2"), "and changed");
    TAP_OK(put("chain", "a", "") == 0 && has("chain", "a", "") && has("size", "a", "2"),
           "each kind has its own keys, and a value may be empty");
    TAP_OK(put("size", "odd key %", "two\nlines -\x01") == 0 &&
               has("size", "odd key %", "two\nlines -\x01") && n_of("size") == 2,
           "keys and values may hold any byte");
    TAP_OK(kept_change(NULL, UUID, drop_odd, NULL, &e) == 0 && has("size", "odd key %", NULL) &&
               n_of("size") == 1,
           "a record is dropped");
    TAP_OK(kept_change(NULL, UUID, refuse, NULL, &e) == -EBUSY && has("size", "refused", NULL),
           "an edit that fails changes nothing");
    TAP_OK(kept_put(NULL, "../x", "size", "a", "1", &e) == -EINVAL, "a uuid is one: %s", e.text);
}

static void test_same(void)
{
    struct err e = {0};
    struct kept *k = read_or_fail(), *again = NULL, *after = NULL;
    TAP_OK(kept_read(NULL, UUID, k, &again, &e) == 0 && again == k,
           "a file that is the same is kept");
    put("size", "b", "3");
    TAP_OK(kept_read(NULL, UUID, k, &after, &e) == 0 && after != k && kept_get(after, "size", "b"),
           "one that changed is read anew");
    TAP_OK(!kept_get(k, "size", "b"), "and a value that was read never changes");
    kept_unref(k);
    kept_unref(again);
    kept_unref(after);
}

static void spoil(const char *text, size_t len)
{
    autofree char *path = path_of(UUID ".kept");
    FILE *f = fopen(path, "we");
    if (f) {
        fwrite(text, 1, len, f);
        fclose(f);
    }
}

static char *whole(size_t *ret_len)
{
    autofree char *path = path_of(UUID ".kept");
    char *text = calloc(1, KEPT_BYTES_MAX);
    FILE *f = fopen(path, "re");
    *ret_len = text && f ? fread(text, 1, KEPT_BYTES_MAX - 1, f) : 0;
    if (f)
        fclose(f);
    return text;
}

/* If the file is cut off or any byte differs, the whole file counts as lost. */
static void test_spoiled(void)
{
    size_t len, cut = 0, changed = 0;
    autofree char *text = whole(&len);
    for (size_t i = 0; i < len; i++) {
        spoil(text, i);
        cut += n_of("size") == 0;
        text[i] ^= 1;
        spoil(text, len);
        changed += n_of("size") == 0;
        text[i] ^= 1;
    }
    TAP_OK(len > 0 && cut == len, "cut off anywhere it is empty: %zu of %zu", cut, len);
    TAP_OK(changed == len, "with any other byte it is empty: %zu of %zu", changed, len);
    spoil(text, len);
    TAP_OK(n_of("size") == 2, "and whole it is not");
    spoil("\0\xff garbage", 10);
    TAP_OK(n_of("size") == 0 && put("size", "c", "4") == 0 && n_of("size") == 1,
           "a spoiled one is written anew");
}

static void test_huge(void)
{
    autofree char *path = path_of(UUID ".kept");
    TAP_OK(truncate(path, (off_t)1 << 40) == 0 && n_of("size") == 0, "a huge one is not read");
    TAP_OK(put("size", "d", "5") == 0 && has("size", "d", "5"), "and written anew");
}

static void test_later(void)
{
    static const char later[] = "snapfs-kept 2\nanything\n";
    size_t len;
    spoil(later, strlen(later));
    TAP_OK(n_of("size") == 0, "one of a later version is not read");
    TAP_OK(put("size", "e", "6") == -EEXIST, "nor written to");
    autofree char *text = whole(&len);
    TAP_STR(text, later, "it is as it was");
}

/* A file that another user may have written: as long as one may be, half of it the same record. */
static void test_many_twice(void)
{
    autodestroy(kept_unref) struct kept *k = kept_new_shared();
    autotext struct text t = {0};
    text_add(&t, "snapfs-kept 1\n");
    unsigned n = 0;
    while (t.len < KEPT_SHARED_MAX / 2)
        text_add(&t, "a k %05u\n", n % 100000), n++;
    unsigned last = (n - 1) % 100000, others = 0;
    while (t.len < KEPT_SHARED_MAX - 64)
        text_add(&t, "b %05u v\n", others++);
    text_add(&t, "end %016" PRIx64 "\n", hash_end(hash_bytes(HASH_START, t.s, t.len)));
    uint64_t begin = clock_ms();
    int r = kept_parse(k, t.s, t.len);
    uint64_t took = clock_ms() - begin;
    char want[16];
    snprintf(want, sizeof(want), "%05u", last);
    TAP_OK(r == 0 && took < 2000, "%u records of one key took %" PRIu64 " ms", n, took);
    TAP_STR(kept_get(k, "a", "k"), want, "the last one counts");
    TAP_STR(kept_get(k, "b", "00000"), "v", "the others are there");
}

static void test_kinds_of_file(void)
{
    autofree char *path = path_of(UUID ".kept");
    struct err e = {0};
    kept_remove(NULL, UUID);
    TAP_OK(symlink("/etc/passwd", path) == 0 && n_of("size") == 0 && put("size", "a", "1") < 0,
           "no link is followed");
    TAP_OK(unlink(path) == 0 && mkfifo(path, 0600) == 0 && n_of("size") == 0,
           "a pipe is not read, nor waited for");
    TAP_OK(kept_put(NULL, UUID, "size", "a", "1", &e) == -EPERM, "nor written to: %s", e.text);
    unlink(path);
}

static int many(void *ctx, struct kept *k)
{
    char key[32];
    (void)ctx;
    for (unsigned i = 0; i < KEPT_RECORDS_MAX + 10; i++) {
        snprintf(key, sizeof(key), "%u", i);
        kept_set(k, "number", key, "x");
    }
    return 0;
}

static int long_ones(void *ctx, struct kept *k)
{
    char key[32];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "%u", i);
        kept_set(k, "chain", key, ctx);
    }
    return 0;
}

static void test_bounds(void)
{
    autofree char *path = path_of(UUID ".kept"), *value = calloc(1, KEPT_VALUE_MAX + 2);
    struct stat st = {0};
    struct err e = {0};
    put("size", "first", "1");
    TAP_OK(kept_change(NULL, UUID, many, NULL, &e) == 0 && n_of("number") == KEPT_RECORDS_MAX &&
               has("number", "9", NULL) && has("number", "10", "x"),
           "of a kind the oldest go: %u", n_of("number"));
    memset(value, 1, KEPT_VALUE_MAX + 1);
    TAP_OK(put("chain", "long", value) == 0 && has("chain", "long", NULL),
           "what is too long is not kept");
    value[KEPT_VALUE_MAX] = '\0';
    TAP_OK(kept_change(NULL, UUID, long_ones, value, &e) == 0 && stat(path, &st) == 0 &&
               st.st_size <= KEPT_BYTES_MAX && n_of("chain") > 10 && has("chain", "999", value),
           "the file is bounded as well: %jd bytes, %u records", (intmax_t)st.st_size,
           n_of("chain"));
    TAP_OK(has("size", "first", "1") && n_of("number") == KEPT_RECORDS_MAX,
           "and no kind drives out another");
    value[KEPT_VALUE_MAX - 1] = '\0';
    TAP_OK(put("touched", "file", "1 2") == 0 && put("touched", "file", value) == 0 &&
               has("touched", "file", value) && has("size", "first", NULL),
           "but what tells of bytes drives out what tells of sizes");
}

static void write_some(int who)
{
    char key[32];
    for (int i = 0; i < PUTS; i++) {
        snprintf(key, sizeof(key), "%d-%d", who, i);
        if (put("right", key, "1") < 0)
            _exit(1);
    }
    _exit(0);
}

static void test_writers(void)
{
    int status, failed = 0;
    kept_remove(NULL, UUID);
    for (int i = 0; i < WRITERS; i++)
        if (fork() == 0)
            write_some(i);
    for (int i = 0; i < WRITERS; i++)
        failed += wait(&status) < 0 || status != 0;
    TAP_OK(!failed && n_of("right") == WRITERS * PUTS, "writers lose nothing of each other: %u",
           n_of("right"));
}

static void test_removal(void)
{
    autofree char *path = path_of(UUID ".kept"), *odd = path_of("odd.kept");
    unsigned n = 0;
    int fd = open(odd, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
    kept_list(NULL, count_files, &n);
    TAP_OK(n == 1, "the file is listed");
    kept_remove(NULL, UUID);
    kept_remove(NULL, OTHER);
    TAP_OK(access(path, F_OK) < 0 && n_of("right") == 0, "it is removed");
    n = 0;
    kept_list(NULL, count_files, &n);
    TAP_OK(n == 0, "and listed no more");
    unlink(odd);
    TAP_OK(rmdir(top) == 0, "nothing else is left");
}

int main(void)
{
    if (!mkdtemp(top) || setenv("STATE_DIRECTORY", top, 1) < 0)
        return 1;
    test_records();
    test_same();
    test_spoiled();
    test_huge();
    test_later();
    test_many_twice();
    test_kinds_of_file();
    test_bounds();
    test_writers();
    test_removal();
    return tap_done();
}
