/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_target.c - the file of snapfs-cat --output, beside other programs that make, take and remove it.
 *
 * The test does what the other programs do at the exact moment: before the lock is taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "image/cat/target.h"
#include "tap.h"

static char directory[] = "/tmp/snapfs-target-XXXXXX";
static char name[64], other[64], image[64];
static int theirs = -1; /* another program's descriptor */

static void (*before_lock)(void); /* is called once, unless `always` */
static bool always;

/* This replaces the C library's own. */
int fcntl(int fd, int command, ...)
{
    va_list ap;
    va_start(ap, command);
    void *argument = va_arg(ap, void *);
    va_end(ap);
    void (*act)(void) = command == F_OFD_SETLK ? before_lock : NULL;
    if (act) {
        before_lock = always ? act : NULL;
        act();
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    TAP_OK(f && fputs(text, f) >= 0 && fclose(f) == 0, "written");
}

static bool holds(const char *path, const char *text)
{
    char buf[64] = "";
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(buf, 1, sizeof(buf) - 1, f) : 0;
    if (f)
        fclose(f);
    return f && n == strlen(text) && !strcmp(buf, text);
}

/* Another program finds the file, locks it and writes to it. */
static void they_win(void)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 200};
    theirs = open(name, O_WRONLY | O_CLOEXEC);
    TAP_OK(theirs >= 0 && syscall(SYS_fcntl, theirs, F_OFD_SETLK, &l) == 0, "they have the lock");
    TAP_OK(write(theirs, "winner", 6) == 6, "they write");
}

static void they_remove(void)
{
    unlink(name);
}

static void they_replace(void)
{
    put(other, "another");
    rename(other, name);
}

static int begin(struct target *t, const char *text, struct err *e)
{
    const struct cat_options o = {.output = name, .source = {.path = image, .format = "raw"}};
    int r = target_open(t, &o, strlen(text), e);
    if (r == 0)
        r = target_begin(t, e);
    return r == 0 ? target_write(t, text, strlen(text), 0, e) : r;
}

static void start(void (*act)(void))
{
    unlink(name);
    before_lock = act;
    always = false;
}

static void test_the_loser_leaves_the_winners_file(void)
{
    struct target t;
    struct err e = {0};
    start(they_win);
    TAP_OK((begin(&t, "mine", &e)) == -EBUSY, "the lock is had by another program");
    target_abandon(&t, &e);
    target_close(&t);
    TAP_OK(holds(name, "winner"), "its file is as it wrote it");
    close(theirs);
}

static void test_a_file_that_was_removed_again_is_made_anew(void)
{
    struct target t;
    struct err e = {0};
    for (int there = 0; there < 2; there++) {
        start(they_remove);
        if (there)
            put(name, "of a run that is interrupted");
        TAP_OK(begin(&t, "mine", &e) == 0, "%s",
               there ? "the file was there" : "the file was made");
        TAP_OK((target_finish(&t, &e)) == 0, "finished");
        target_close(&t);
        TAP_OK(holds(name, "mine"), "the name leads to the copy");
    }
}

static void test_a_file_that_was_replaced_is_opened_anew(void)
{
    struct target t;
    struct err e = {0};
    start(they_replace);
    TAP_OK((begin(&t, "mine", &e)) == 0, "opened");
    TAP_OK(!t.made, "that one was there");
    TAP_OK((target_finish(&t, &e)) == 0, "finished");
    target_close(&t);
    TAP_OK(holds(name, "mine"), "the name leads to the copy");
}

static void test_a_name_that_never_settles(void)
{
    struct target t;
    struct err e = {0};
    start(they_remove);
    always = true;
    TAP_OK((begin(&t, "mine", &e)) == -EBUSY, "a bounded number of tries");
    target_abandon(&t, &e);
    target_close(&t);
    before_lock = NULL;
    TAP_OK(access(name, F_OK) < 0, "there is no file");
}

static void test_a_copy_without_its_name_is_none(void)
{
    struct target t;
    for (int replaced = 0; replaced < 2; replaced++) {
        struct err e = {0};
        start(NULL);
        TAP_OK((begin(&t, "mine", &e)) == 0, "written");
        if (replaced)
            they_replace();
        else
            they_remove();
        TAP_OK((target_finish(&t, &e)) == -ESTALE, "the end");
        target_abandon(&t, &e);
        target_close(&t);
        TAP_OK(strstr(e.text, "removed or replaced") && strstr(e.text, "is left as it is now"),
               "%s", e.text);
        TAP_OK(replaced ? holds(name, "another") : access(name, F_OK) < 0, "what there is stays");
    }
}

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    snprintf(name, sizeof(name), "%s/copy", directory);
    snprintf(other, sizeof(other), "%s/other", directory);
    snprintf(image, sizeof(image), "%s/image", directory);
    put(image, "image");
    test_the_loser_leaves_the_winners_file();
    test_a_file_that_was_removed_again_is_made_anew();
    test_a_file_that_was_replaced_is_opened_anew();
    test_a_name_that_never_settles();
    test_a_copy_without_its_name_is_none();
    unlink(name);
    unlink(image);
    rmdir(directory);
    return tap_done();
}
