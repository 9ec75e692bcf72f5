/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server.h - one qemu-nbd: a process that reads one file for snapfs, and the sockets to it.
 *
 * Its listening socket has a name only until snapfs's sockets are connected, before the process
 * even runs, so no other program can reach it. The process ends by itself when these sockets are
 * closed. So it does not outlive snapfs, however snapfs ends. (PR_SET_PDEATHSIG would not do,
 * because it reports the end of a thread.)
 */
#ifndef SNAPFS_IMAGE_SERVER_H
#define SNAPFS_IMAGE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/secret.h"

enum {
    SERVER_SOCKETS = 4, /* the number of requests at once */
    /* Descriptors in the process, for names in /proc/self/fd. */
    SERVER_FILE = 4,
    SERVER_SECRET = 5
};

struct server {
    pid_t pid;
    int words; /* the pipe of the process's standard error */
};

/* The job of a process. */
struct server_job {
    const char *node;            /* QEMU's JSON of the block node, without foreign text */
    bool raw;                    /* `node` is the URI of a raw disk instead */
    int file;                    /* becomes SERVER_FILE; -1: none */
    const struct secret *secret; /* becomes SERVER_SECRET; NULL or empty: none */
};

/* Starts the process. The caller owns the sockets. If the process then cannot open the file, its
 * sockets report that. If there is no qemu-nbd, it fails with EOPNOTSUPP. If too many killed
 * processes have not ended, it fails with EBUSY. */
int server_start(const struct server_job *job, struct server *ret, int ret_sockets[SERVER_SOCKETS],
                 struct err *e);

/* Checks that there is a qemu-nbd to start. */
int server_exists(struct err *e);

/* Reads the first line of the process's standard error into `buf`. Returns the part of that line
 * after the name of the node; "" if there is none. */
const char *server_said(const struct server *s, char *buf, size_t size);

void server_kill(const struct server *s); /* at once: it has no data to lose */

/* Kills the process and waits for its end, a second at most. A process that waits for storage is
 * left behind. */
void server_end(struct server *s);

#endif
