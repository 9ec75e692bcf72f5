/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server.h - one qemu-nbd: a process that reads one file for us, and the sockets to it.
 *
 * Its listening socket has a name only until ours are connected, before it even runs, so nobody
 * else can reach it; and it ends by itself when they are closed, so it does not outlive us, however
 * we end. (PR_SET_PDEATHSIG would not do: it tells of the end of a thread.)
 */
#ifndef SNAPFS_IMAGE_SERVER_H
#define SNAPFS_IMAGE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/secret.h"

enum {
    SERVER_SOCKETS = 4, /* so many requests at once */
    /* The process's descriptors, for /proc/self/fd in what it is told to open. */
    SERVER_FILE = 4,
    SERVER_SECRET = 5
};

struct server {
    pid_t pid;
    int words; /* what it says on standard error */
};

/* What it shall serve. */
struct server_job {
    const char *node; /* QEMU's JSON of the block node, made of nothing that a stranger wrote, */
    bool raw;         /* or the URI of a raw one */
    int file;         /* becomes SERVER_FILE; -1: none */
    const struct secret *secret; /* becomes SERVER_SECRET; NULL or empty: none */
};

/* Starts it; it may still find that it cannot open the file, which its sockets then tell. The
 * sockets are the caller's. -EOPNOTSUPP: there is no qemu-nbd; -EBUSY: too many were left behind.
 */
int server_start(const struct server_job *job, struct server *ret, int ret_sockets[SERVER_SOCKETS],
                 struct err *e);

/* Is there a qemu-nbd to start? */
int server_exists(struct err *e);

/* The first line it said, in `buf`, from where it has named the node; "" for none. */
const char *server_said(const struct server *s, char *buf, size_t size);

void server_kill(const struct server *s); /* at once, for it has nothing to lose */

/* Kills it and waits for its end, a second at most: one that waits for storage is left behind. */
void server_end(struct server *s);

#endif
