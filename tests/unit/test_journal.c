/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_journal.c - the journal of a domain: its content and its lock. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/text.h"
#include "base/uuid.h"
#include "model/journal/journal.h"
#include "tap.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define OTHER "11111111-2222-3333-4444-666666666666"

static char top[] = "/tmp/test-journal-XXXXXX";
static char *directory;

static char *path_of(const char *uuid)
{
    struct text t = {0};
    text_add(&t, "%s/%s", directory, uuid);
    return text_take(&t, NULL);
}

static struct journal *open_or_fail(const char *uuid)
{
    struct journal *j = NULL;
    struct err e = {0};
    int r = journal_open(uuid, false, &j, &e);
    TAP_OK(r == 0 && j, "it opens: %s", e.text);
    return j;
}

static bool there(const char *uuid)
{
    autofree char *path = path_of(uuid);
    return access(path, F_OK) == 0;
}

static void put(const char *uuid, const char *text)
{
    autofree char *path = path_of(uuid);
    FILE *f = fopen(path, "we");
    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

static void test_lines(void)
{
    struct err e = {0};
    struct journal *j = open_or_fail(UUID);
    TAP_STR(journal_text(j), "", "nothing is in a new one");
    TAP_OK(there(UUID), "its file is there while it is open");
    journal_close(j);
    TAP_OK(!there(UUID), "and not when nothing was added");
    j = open_or_fail(UUID);
    TAP_OK(journal_add(j, "one\ntwo\n", &e) == 0, "lines are added: %s", e.text);
    TAP_OK(journal_add(j, "three\n", &e) == 0, "and one more: %s", e.text);
    journal_close(j);
    TAP_OK(there(UUID), "the file stays");
    j = open_or_fail(UUID);
    TAP_STR(journal_text(j), "one\ntwo\nthree\n", "and has them");
    TAP_OK(journal_end(j, &e) == 0, "it ends: %s", e.text);
    journal_close(j);
    TAP_OK(!there(UUID), "and is gone");
}

static void test_cut(void)
{
    struct err e = {0};
    put(UUID, "one\ntwo");
    struct journal *j = open_or_fail(UUID);
    TAP_STR(journal_text(j), "one\n", "a line without its end was never added");
    TAP_OK(journal_add(j, "three\n", &e) == 0, "the next takes its place: %s", e.text);
    journal_close(j);
    j = open_or_fail(UUID);
    TAP_STR(journal_text(j), "one\nthree\n", "and stands alone");
    journal_end(j, &e);
    journal_close(j);
    put(UUID, "cut");
    j = open_or_fail(UUID);
    TAP_STR(journal_text(j), "", "nothing but half a line is nothing");
    journal_close(j);
    TAP_OK(!there(UUID), "and is removed");
}

static void test_refused(void)
{
    struct journal *j = NULL;
    struct err e = {0};
    TAP_OK(journal_open("../x", false, &j, &e) == -EINVAL && !j, "no uuid: %s", e.text);
    autofree char *path = path_of(UUID);
    TAP_OK(symlink("/etc/passwd", path) == 0, "a link is in its place");
    TAP_OK(journal_open(UUID, false, &j, &e) == -ELOOP && !j, "which is not followed: %s", e.text);
    unlink(path);
    put(UUID, "x\n");
    TAP_OK(truncate(path, (off_t)JOURNAL_BYTES_MAX + 1) == 0, "a file that is too long");
    TAP_OK(journal_open(UUID, false, &j, &e) == -EIO && !j, "is not read: %s", e.text);
    TAP_OK(there(UUID), "and stays");
    unlink(path);
}

/* Another process finds it locked, and gets it when this one is done. */
static void test_lock(void)
{
    struct err e = {0};
    struct journal *j = open_or_fail(UUID), *mine = NULL;
    int r = journal_open(UUID, false, &mine, &e);
    TAP_OK(r == -EAGAIN && !mine, "who does not wait finds it in use: %s", e.text);
    struct journal *other = open_or_fail(OTHER);
    TAP_OK(other != NULL, "that of another domain is free");
    journal_close(other);
    pid_t pid = fork();
    if (pid == 0)
        _exit(journal_open(UUID, true, &mine, &e) == 0 && !strcmp(journal_text(mine), "x\n") ? 0
                                                                                             : 1);
    journal_add(j, "x\n", &e);
    journal_close(j);
    int status = 1;
    waitpid(pid, &status, 0);
    TAP_OK(status == 0, "who waits gets it, with what was added meanwhile");
    j = open_or_fail(UUID);
    journal_end(j, &e);
    journal_close(j);
}

enum { THREADS = 4, ROUNDS = 200 };

static atomic_int mount_path, clashes, failures;

/* Each close removes the file while the others wait for its lock. */
static void *work(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct journal *j = NULL;
        struct err e;
        if (journal_open(UUID, true, &j, &e) < 0) {
            atomic_fetch_add(&failures, 1);
            continue;
        }
        atomic_fetch_add(&clashes, atomic_fetch_add(&mount_path, 1) != 0);
        atomic_fetch_sub(&mount_path, 1);
        journal_close(j);
    }
    return NULL;
}

static void test_race(void)
{
    pthread_t ids[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&ids[i], NULL, work, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    TAP_OK(failures == 0, "nobody failed: %d", failures);
    TAP_OK(clashes == 0, "one at a time has it, removed or not: %d times not so", clashes);
}

static void count(void *ctx, const char *uuid)
{
    *(unsigned *)ctx += !strcmp(uuid, UUID) ? 1 : 100;
}

static void test_list(void)
{
    unsigned n = 0;
    struct err e = {0};
    TAP_OK(journal_list(count, &n, &e) == 0 && n == 0, "none are listed: %s", e.text);
    put(UUID, "x\n");
    put("no-uuid", "x\n");
    TAP_OK(journal_list(count, &n, &e) == 0 && n == 1, "one is, whatever else is there: %u", n);
    setenv("STATE_DIRECTORY", "/no/such/directory", 1);
    TAP_OK(journal_list(count, &n, &e) == 0 && n == 1, "no directory has none: %s", e.text);
    setenv("STATE_DIRECTORY", "/dev/null/x", 1);
    struct journal *j = NULL;
    TAP_OK(journal_open(UUID, false, &j, &e) < 0 && !j, "one that cannot be made: %s", e.text);
    setenv("STATE_DIRECTORY", directory, 1);
}

static void test_uuid(void)
{
    char a[UUID_LEN + 1], b[UUID_LEN + 1];
    struct err e = {0};
    TAP_OK(uuid_make(a, &e) == 0 && uuid_make(b, &e) == 0, "two uuids: %s", e.text);
    TAP_OK(uuid_is(a) && uuid_is(b) && strcmp(a, b) != 0, "'%s' and '%s' differ", a, b);
    TAP_OK(a[14] == '4' && strchr("89ab", a[19]), "of version 4");
    TAP_OK(uuid_is(UUID) && !uuid_is("") && !uuid_is(UUID "0"), "length counts");
    TAP_OK(!uuid_is("11111111-2222-3333-4444-55555555555A"), "and the case");
    TAP_OK(!uuid_is("11111111-2222-3333-4444+555555555555"), "and the dashes");
}

int main(void)
{
    struct text t = {0};
    if (!mkdtemp(top))
        return 1;
    text_add(&t, "%s/made/for us", top);
    directory = text_take(&t, NULL);
    setenv("STATE_DIRECTORY", directory, 1);
    test_uuid();
    test_lines();
    test_cut();
    test_refused();
    test_lock();
    test_race();
    test_list();
    struct text rm = {0};
    autofree char *rest = path_of(UUID), *odd = path_of("no-uuid");
    unlink(rest);
    unlink(odd);
    rmdir(directory);
    text_add(&rm, "%s/made", top);
    rmdir(rm.s);
    TAP_OK(rmdir(top) == 0, "nothing is left");
    text_drop(&rm);
    free(directory);
    return tap_done();
}
