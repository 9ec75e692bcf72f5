/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_export.c - processes of qemu-nbd that give no answer, with EXPORT_WAIT_MS made short.
 *
 * The file system of the storage that hangs is a process of its own.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "image/export.h"
#include "tap.h"

enum {
    SIZE = 1024 * 1024,
    PIECE = 64 * 1024,
    READERS = 6,
    ENOUGH_MS = 2 * EXPORT_WAIT_MS + 1500 /* and the time that the end of a process may take */
};

static char directory[] = "/tmp/snapfs-export-XXXXXX";
static char where[64], disk[80], plain[64];
static _Atomic int *hangs; /* shared with the file system */

/* ---- the storage ---- */

static int disk_getattr(const char *name, struct stat *st, struct fuse_file_info *fi)
{
    (void)fi;
    *st = strcmp(name, "/disk")
              ? (struct stat){.st_mode = S_IFDIR | 0700, .st_nlink = 2}
              : (struct stat){
                    .st_mode = S_IFREG | 0600, .st_nlink = 1, .st_size = SIZE, .st_mtim.tv_sec = 1};
    return 0;
}

static int disk_open(const char *name, struct fuse_file_info *fi)
{
    (void)name;
    fi->direct_io = 1;
    return 0;
}

static int disk_read(const char *name, char *buf, size_t len, off_t offset,
                     struct fuse_file_info *fi)
{
    (void)name;
    (void)fi;
    const struct timespec tick = {.tv_nsec = 1000000};
    while (atomic_load(hangs))
        nanosleep(&tick, NULL);
    memset(buf, (int)(offset / PIECE) + 1, len);
    return (int)len;
}

static pid_t mount_disk(void)
{
    static const struct fuse_operations operations = {
        .getattr = disk_getattr, .open = disk_open, .read = disk_read};
    struct stat st;
    const struct timespec tick = {.tv_nsec = 1000000};
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        char program[] = "disk", foreground[] = "-f";
        char *argv[] = {program, foreground, where, NULL};
        _exit(fuse_main(3, argv, &operations, NULL));
    }
    while (stat(disk, &st) < 0 || st.st_size != SIZE)
        nanosleep(&tick, NULL);
    return pid;
}

/* ---- reads ---- */

struct reader {
    pthread_t id;
    struct export *x;
    struct err e;
    int result;
};

static void *read_some(void *arg)
{
    static char bufs[READERS][PIECE];
    static _Atomic int next;
    struct reader *r = arg;
    r->result = export_read(r->x, bufs[atomic_fetch_add(&next, 1) % READERS], PIECE, 0, &r->e);
    return NULL;
}

/* Many threads read at once: each fails for want of an answer, in the time of about two waits. */
static void check_readers(struct export *x, const char *what)
{
    struct reader all[READERS];
    uint64_t begin = clock_ms();
    unsigned right = 0;
    for (int i = 0; i < READERS; i++) {
        all[i] = (struct reader){.x = x};
        pthread_create(&all[i].id, NULL, read_some, &all[i]);
    }
    for (int i = 0; i < READERS; i++) {
        pthread_join(all[i].id, NULL);
        right += all[i].result == -ETIMEDOUT;
        if (all[i].result != -ETIMEDOUT)
            printf("# %d %s\n", all[i].result, all[i].e.text);
    }
    uint64_t took = clock_ms() - begin;
    TAP_OK(right == READERS, "%s: %u of %d readers are told ETIMEDOUT", what, right, READERS);
    TAP_OK(took < ENOUGH_MS, "%s: in %ju ms", what, (uintmax_t)took);
}

static struct image_file *open_file(const char *name)
{
    struct image_file *f = NULL;
    struct err e = {0};
    TAP_OK(file_open(name, NULL, &f, &e) == 0, "%s is opened %s", name, e.text);
    return f;
}

static struct export *export_of(const struct image_file *f, uint64_t size)
{
    const struct export_source source = {.file = f, .driver = "raw", .size = size};
    struct export *x = NULL;
    struct err e = {0};
    TAP_OK(export_new(&source, &x, &e) == 0, "there is a qemu-nbd %s", e.text);
    return x;
}

static bool is_all(const unsigned char *buf, int value)
{
    for (size_t i = 0; i < PIECE; i++)
        if (buf[i] != value)
            return false;
    return true;
}

static void make_file(void)
{
    static char buf[PIECE];
    int fd = open(plain, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    for (int i = 0; i < SIZE / PIECE; i++) {
        memset(buf, i + 1, PIECE);
        if (write(fd, buf, PIECE) != PIECE)
            exit(1);
    }
    close(fd);
}

/* poll(2) fails with EINVAL if no descriptor is allowed. */
static void test_a_failed_wait_ends_the_connection(void)
{
    static unsigned char first[PIECE], second[PIECE], left[PIECE];
    struct rlimit limit, none;
    struct err e = {0};
    make_file();
    struct image_file *f = open_file(plain);
    struct export *x = export_of(f, SIZE);
    TAP_OK(export_read(x, first, PIECE, 0, &e) == 0 && is_all(first, 1), "bytes %s", e.text);
    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){0, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    int r = export_read(x, first, PIECE, PIECE, &e);
    setrlimit(RLIMIT_NOFILE, &limit);
    TAP_OK(r < 0, "no waiting, no bytes: %s", e.text);
    memcpy(left, first, PIECE);
    TAP_OK(export_read(x, second, PIECE, (uint64_t)PIECE * 2, &e) == 0 && is_all(second, 3),
           "the next read");
    TAP_OK(!memcmp(first, left, PIECE), "nothing is written to the buffer of the one that failed");
    export_free(x);
    file_close(f);
    unlink(plain);
}

static void test_a_server_that_never_answers_is_tried_once(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    char uri[64];
    autoclose int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    TAP_OK(bind(silent, (const struct sockaddr *)&at, len) == 0 && listen(silent, 9) == 0 &&
               getsockname(silent, (struct sockaddr *)&at, &len) == 0,
           "a server that never answers");
    snprintf(uri, sizeof(uri), "nbd://127.0.0.1:%d/disk", ntohs(at.sin_port));
    struct image_file *f = open_file(uri);
    struct export *x = export_of(f, EXPORT_SIZE_UNKNOWN);
    check_readers(x, "a start");
    export_free(x);
    file_close(f);
}

/* The kernel ends no process that waits for a file system's answer. */
static void test_storage_that_hangs_is_not_waited_for(void)
{
    static unsigned char buf[PIECE];
    siginfo_t ended = {0};
    struct err e = {0};
    struct image_file *f = open_file(disk);
    struct export *x = export_of(f, SIZE);
    TAP_OK(export_read(x, buf, PIECE, PIECE, &e) == 0 && is_all(buf, 2), "bytes %s", e.text);
    atomic_store(hangs, 1);
    check_readers(x, "a read");
    TAP_OK(waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && !ended.si_pid,
           "the process is left behind, since it cannot end");
    atomic_store(hangs, 0);
    TAP_OK(waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) == 0, "it ends once it can");
    export_free(x);
    x = export_of(f, SIZE);
    TAP_OK(export_read(x, buf, PIECE, 0, &e) == 0 && is_all(buf, 1), "another reads %s", e.text);
    ended.si_pid = 0;
    TAP_OK(waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && !ended.si_pid,
           "the one left behind is forgotten");
    export_free(x);
    file_close(f);
}

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    hangs = mmap(NULL, sizeof(*hangs), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(plain, sizeof(plain), "%s/plain", directory);
    snprintf(where, sizeof(where), "%s/storage", directory);
    snprintf(disk, sizeof(disk), "%s/disk", where);
    if (hangs == MAP_FAILED || mkdir(where, 0700) < 0)
        return 1;
    pid_t storage = mount_disk();
    test_a_failed_wait_ends_the_connection();
    test_a_server_that_never_answers_is_tried_once();
    test_storage_that_hangs_is_not_waited_for();
    kill(storage, SIGTERM);
    waitpid(storage, NULL, 0);
    rmdir(where);
    rmdir(directory);
    return tap_done();
}
