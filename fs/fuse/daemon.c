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

#include "base/io.h"
#include "base/mem.h"

static void print_failure(const char *sentence)
{
    fprintf(stderr, "snapfs: %s\n", sentence);
}

static int wait_for_child(int fd)
{
    char said[ERR_TEXT_MAX + 1] = "";
    ssize_t n = io_read(fd, said, sizeof(said) - 1);
    if (n == 1 && said[0] == '\n')
        return 0;
    print_failure(*said ? said : "the background process ended before anything was mounted");
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
    (void)io_write(d->status_fd, what, strlen(what)); /* the parent may have gone */
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
