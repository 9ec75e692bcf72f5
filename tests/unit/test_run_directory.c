/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_run_directory.c - the directories that several users share, and unsafe ones that are refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/journal/run_directory.h"
#include "tap.h"

static char top[] = "/tmp/test-run-directory-XXXXXX";

static void test_file(int dir)
{
    struct err e = {0};
    struct stat st;
    int fd = run_file(dir, "plain", &e);
    TAP_OK(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0660, "it is made: %s",
           e.text);
    close(fd);
    fd = run_file(dir, "plain", &e);
    TAP_OK(fd >= 0, "and opened again: %s", e.text);
    close(fd);
}

static void test_others_file(int dir)
{
    struct err e = {0};
    close(openat(dir, "precious", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    TAP_OK(linkat(dir, "precious", dir, "linked", 0) == 0, "a file is linked");
    TAP_OK(run_file(dir, "linked", &e) == -EPERM, "and refused: %s", e.text);
    TAP_OK(symlinkat("precious", dir, "symlink") == 0, "a symbolic link to it");
    TAP_OK(run_file(dir, "symlink", &e) == -ELOOP, "is refused: %s", e.text);
    TAP_OK(mkfifoat(dir, "fifo", 0600) == 0, "a FIFO");
    TAP_OK(run_file(dir, "fifo", &e) == -EPERM, "is refused: %s", e.text);
}

/* A snapfs with the same process number was killed while it made the directory. */
static void test_left_behind(struct virt *v)
{
    struct err e = {0};
    struct stat st;
    char path[64], input[96];
    snprintf(path, sizeof(path), "%s/shared", top);
    snprintf(input, sizeof(input), "%s.%ld", path, (long)getpid());
    TAP_OK(mkdir(input, 0700) == 0, "a directory is left behind");
    int fd = run_shared_directory(v, path, true, &e);
    TAP_OK(fd >= 0 && fstat(fd, &st) == 0 && !(st.st_mode & S_IRWXO), "the other is made: %s",
           e.text);
    close(fd);
    rmdir(path);
    rmdir(input);
}

int main(void)
{
    struct err e = {0};
    struct virt *v = NULL;
    int dir = mkdtemp(top) ? open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    TAP_OK(dir >= 0, "a directory in /tmp");
    TAP_OK(virt_open("test:///default", false, &v, &e) == 0, "a connection: %s", e.text);
    test_file(dir);
    test_others_file(dir);
    if (geteuid() == 0)
        test_left_behind(v);
    virt_close(v);
    for (const char *const *name =
             (const char *const[]){"plain", "precious", "linked", "symlink", "fifo", NULL};
         *name; name++)
        unlinkat(dir, *name, 0);
    close(dir);
    rmdir(top);
    return tap_done();
}
