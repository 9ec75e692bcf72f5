/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_confine.c - the rights of a confined process, and the detection of one that is not confined. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "image/confine.h"
#include "tap.h"

static char directory[] = "/tmp/snapfs-confine-XXXXXX";
static char image[64], beside[64];

/* Each call returns 0 or the errno. Descriptors are closed at the child's end. */
static int told(long result)
{
    return result < 0 ? errno : 0;
}

struct question {
    const char *what;
    int (*ask)(void);
    int local, network; /* the answers */
};

static int file; /* the image's descriptor */

static int read_by_link(void)
{
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
    return told(open(name, O_RDONLY | O_CLOEXEC));
}

static int write_by_link(void)
{
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
    return told(open(name, O_RDWR | O_CLOEXEC));
}

static int read_beside(void)
{
    return told(open(beside, O_RDONLY | O_CLOEXEC));
}

static int read_directory(void)
{
    return told(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int make_file(void)
{
    return told(open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
}

static int read_hosts(void)
{
    return told(open("/etc/hosts", O_RDONLY | O_CLOEXEC));
}

static int read_memory(void)
{
    return told(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
}

static int make_tcp(void)
{
    return told(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int make_udp(void)
{
    return told(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int make_unix(void)
{
    return told(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int make_ring(void)
{
    return told(syscall(SYS_io_uring_setup, 1, NULL)) == EACCES ? EACCES : 0;
}

static int run_shell(void)
{
    char *argv[] = {NULL}, *envp[] = {NULL};
    return told(execve("/bin/sh", argv, envp));
}

static const struct question questions[] = {
    {"the image is read", read_by_link, 0, EACCES},
    {"the image is not written", write_by_link, EACCES, EACCES},
    {"a file beside it", read_beside, EACCES, EACCES},
    {"its directory", read_directory, EACCES, EACCES},
    {"a new file", make_file, EACCES, EACCES},
    {"the names of hosts", read_hosts, EACCES, 0},
    {"its own memory", read_memory, EACCES, EACCES},
    {"TCP", make_tcp, EACCES, 0},
    {"UDP", make_udp, EACCES, 0},
    {"sockets of this host", make_unix, EACCES, 0},
    {"io_uring", make_ring, EACCES, 0},
    {"a shell", run_shell, EACCES, EACCES},
};

/* The answer of a child that is confined. */
static int ask(const struct question *q, enum confine_profile profile)
{
    struct confinement c;
    struct err e = {0};
    int status = 0, given = profile == CONFINE_LOCAL ? file : -1;
    if (confine_prepare(&c, profile, "/bin/true", given, &e) < 0 || c.ruleset < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(confine_enter(&c) ? q->ask() : 255);
    waitpid(pid, &status, 0);
    confine_drop(&c);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_what_it_may_do(void)
{
    for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
        const struct question *q = &questions[i];
        int local = ask(q, CONFINE_LOCAL), network = ask(q, CONFINE_NETWORK);
        TAP_OK(local == q->local, "local: %s: %d", q->what, local);
        TAP_OK(network == q->network, "network: %s: %d", q->what, network);
    }
}

/* Makes a stopped process that has only those two open, and is not confined. */
static pid_t make_holder(int one, int two)
{
    pid_t pid = fork();
    if (pid == 0) {
        int high[] = {fcntl(one, F_DUPFD, 100), fcntl(two, F_DUPFD, 100)};
        close_range(0, 99, 0);
        dup2(high[0], 0);
        dup2(high[1], 1);
        close_range(100, ~0U, 0);
        raise(SIGSTOP);
        _exit(0);
    }
    waitpid(pid, NULL, WUNTRACED);
    return pid;
}

static void test_what_it_has_open(void)
{
    struct err e = {0};
    autoclose int other = open(beside, O_RDONLY | O_CLOEXEC);
    pid_t pid = make_holder(file, other);
    TAP_OK(confine_check(pid, file, 1, image, &e) == 0, "the image, and what was given %s", e.text);
    TAP_OK(confine_check(pid, file, -1, image, &e) == -EIO, "another file: %s", e.text);
    TAP_OK(confine_check(pid, other, 0, image, &e) == 0, "the other way round");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    TAP_OK(confine_check(pid, file, -1, image, &e) == -EIO, "no process: %s", e.text);
}

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    snprintf(image, sizeof(image), "%s/image", directory);
    snprintf(beside, sizeof(beside), "%s/beside", directory);
    close(open(beside, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    close(open(image, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    file = open(image, O_RDONLY | O_CLOEXEC);
    test_what_it_may_do();
    test_what_it_has_open();
    unlink(image);
    unlink(beside);
    rmdir(directory);
    return tap_done();
}
