/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sockets.h - the sockets by which a connection talks to its daemon. Inside virt/ only.
 *
 * libvirt does not give these sockets away, but two tasks need them. local.h asks for the process
 * at the other end. virt_close must end even if the daemon hangs.
 */
#ifndef SNAPFS_VIRT_SOCKETS_H
#define SNAPFS_VIRT_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { SOCKETS_MAX = 4 /* libvirt has one per connection */ };

enum sockets_place {
    SOCKETS_NONE,      /* the driver runs in snapfs's own process: test:///…, qemu:///embed */
    SOCKETS_UNIX,      /* a unix socket of this host */
    SOCKETS_ELSEWHERE, /* another host, or a transport that may lead to one */
};

/* Tells which place a canonical URI leads to. Pure. */
enum sockets_place sockets_place(const char *uri);

/* The stream sockets that this process had before a connection was opened. */
struct sockets_before {
    ino_t *inodes;
    size_t n;
    bool failed;
};

void sockets_read(struct sockets_before *ret);
void sockets_drop(struct sockets_before *b);

struct sockets {
    int fds[SOCKETS_MAX]; /* duplicates of libvirt's */
    size_t n;
};

/* Finds the sockets of the connection to `uri` that was opened since `before`, and adds them to
 * `before`. If snapfs cannot tell these sockets from others, finds none. */
void sockets_find(const char *uri, struct sockets_before *before, struct sockets *ret);

/* Shuts the sockets down, so that every call that waits on them fails. */
void sockets_break(const struct sockets *s);
void sockets_close(struct sockets *s);

#endif
