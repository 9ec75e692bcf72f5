/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_base.c - whole reads and writes, the same file, locks and threads. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_id.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "tap.h"

enum { BYTES = 1 << 20 /* more than a pipe takes at once */ };

struct writer {
    int fd;
    const char *bytes;
};

static void *write_bytes(void *arg)
{
    struct writer *w = arg;
    int r = io_write(w->fd, w->bytes, BYTES);
    close(w->fd);
    return r == 0 ? w : NULL;
}

static void on_signal(int number)
{
    (void)number;
}

/* A reader that is interrupted again and again, and gets parts, has all bytes in the end. */
static void check_pipe(void)
{
    static char sent[BYTES], got[BYTES + 1];
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART */
    pthread_t thread;
    int ends[2];
    void *result = NULL;
    memset(sent, 'x', sizeof(sent));
    sigaction(SIGALRM, &action, NULL);
    TAP_OK(pipe2(ends, O_CLOEXEC) == 0, "a pipe");
    struct writer w = {ends[1], sent};
    ualarm(500, 500);
    TAP_OK(thread_start(&thread, write_bytes, &w) == 0, "a thread that writes");
    TAP_OK(io_read(ends[0], got, sizeof(got)) == BYTES, "all bytes are read, up to the end");
    ualarm(0, 0);
    pthread_join(thread, &result);
    TAP_OK(result && !memcmp(sent, got, BYTES), "all bytes were written");
    close(ends[0]);
}

static void check_file(int fd)
{
    char bytes[8] = "";
    TAP_OK(io_pwrite(fd, "abcdef", 6, 2) == 0, "six bytes are written at 2");
    TAP_OK(io_pread(fd, bytes, 4, 3) == 4 && !memcmp(bytes, "bcde", 4), "four are read at 3");
    TAP_OK(io_pread(fd, bytes, 8, 5) == 3, "three are left at 5");
    TAP_OK(io_pread(fd, bytes, 8, 100) == 0, "none past the end");
    autoclose int unwritable = open("/dev/null", O_RDONLY | O_CLOEXEC);
    TAP_OK(io_pwrite(unwritable, "x", 1, 0) < 0 && errno == EBADF, "a failure has its errno");
}

static void check_ids(const char *path, int fd)
{
    char link[64];
    struct stat st, other;
    uint64_t dev, ino;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    TAP_OK(stat(path, &st) == 0 && stat("/dev/null", &other) == 0, "two files");
    file_id(&st, &dev, &ino);
    TAP_OK(file_has_id(&st, dev, ino) && !file_has_id(&st, dev, ino + 1), "a file has its numbers");
    TAP_OK(file_has_id_at(link, dev, ino), "also behind a link");
    TAP_OK(!file_has_id_at("/no/such/file", dev, ino), "a file that is not there has none");
    TAP_OK(file_is_same(&st, &st) && !file_is_same(&st, &other), "a file is the same as itself");
    struct stat a = {.st_mode = S_IFBLK, .st_dev = 1, .st_ino = 2, .st_rdev = 7}, b = a;
    b.st_dev = 3;
    TAP_OK(file_is_same(&a, &b), "a block device is the same under another node");
    b.st_rdev = 8;
    TAP_OK(!file_is_same(&a, &b), "and not under another number");
    b = a;
    b.st_mode = S_IFREG;
    TAP_OK(!file_is_same(&a, &b), "nor is a regular file with the node's numbers");
}

static int locked_by(pthread_mutex_t *lock)
{
    autolock(lock);
    return pthread_mutex_trylock(lock);
}

static void *blocked(void *arg)
{
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    return sigismember(&set, SIGTERM) ? arg : NULL;
}

static void check_threads(void)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t thread;
    sigset_t set;
    void *result = NULL;
    TAP_OK(locked_by(&lock) == EBUSY, "a lock is held to the end of its block");
    TAP_OK(pthread_mutex_trylock(&lock) == 0, "and no longer");
    pthread_mutex_unlock(&lock);
    TAP_OK(thread_start(&thread, blocked, &lock) == 0, "a thread");
    pthread_join(thread, &result);
    TAP_OK(result == &lock, "handles no signals");
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    TAP_OK(!sigismember(&set, SIGTERM), "its starter still does");
}

int main(void)
{
    char path[] = "/tmp/snapfs-test-XXXXXX";
    int fd = mkstemp(path);
    TAP_OK(fd >= 0, "a file");
    check_file(fd);
    check_ids(path, fd);
    check_pipe();
    check_threads();
    close(fd);
    unlink(path);
    return tap_done();
}
