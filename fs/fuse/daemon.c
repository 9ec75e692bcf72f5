/* SPDX-License-Identifier: GPL-3.0-or-later */
/* daemon.c - see daemon.h. It runs before any thread is started, except daemon_ready, which touches
 * only descriptors. The pipe carries the sentence of a failure, or one '\n' for success. */
#include "fuse/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static void print_failure(const char *sentence)
{
    fprintf(stderr, "snapfs: %s\n", sentence);
}

/* Reads to the end of file, or until the buffer is full; always ends in NUL. */
static size_t read_all(int fd, char *buf, size_t size)
{
    size_t used = 0;
    while (used < size - 1) {
        ssize_t n = read(fd, buf + used, size - 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    buf[used] = '\0';
    return used;
}

static int wait_for_child(int fd)
{
    char said[ERR_TEXT_MAX + 1];
    size_t n = read_all(fd, said, sizeof(said));
    if (n == 1 && said[0] == '\n')
        return 0;
    print_failure(n ? said : "the background process ended before anything was mounted");
    return 1;
}

int daemon_fork(struct daemon *d, bool foreground, int *ret_status, struct err *e)
{
    d->status_fd = -1;
    if (foreground)
        return 0;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_fail(e, errno, "no pipe can be made: %s", strerrordesc_np(errno));
    pid_t child = fork();
    if (child < 0) {
        int no = errno;
        close(fds[0]);
        close(fds[1]);
        return err_fail(e, no, "no process can be started: %s", strerrordesc_np(no));
    }
    if (!child) {
        close(fds[0]);
        setsid();
        d->status_fd = fds[1];
        return 0;
    }
    close(fds[1]);
    *ret_status = wait_for_child(fds[0]);
    close(fds[0]);
    return 1;
}

static void tell(struct daemon *d, const char *what)
{
    const char *p = what;
    size_t left = strlen(what);
    while (left) {
        ssize_t n = write(d->status_fd, p, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        p += n;
        left -= (size_t)n;
    }
    close(d->status_fd);
    d->status_fd = -1;
}

void daemon_ready(struct daemon *d)
{
    if (d->status_fd < 0)
        return;
    autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (chdir("/") == 0 && null > 2)
        for (int fd = 0; fd <= 2; fd++)
            dup2(null, fd);
    tell(d, "\n");
}

void daemon_failed(struct daemon *d, const struct err *e)
{
    if (d->status_fd < 0)
        print_failure(e->text);
    else
        tell(d, e->text);
}
