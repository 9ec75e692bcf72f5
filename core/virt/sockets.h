/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sockets.h - the sockets by which a connection talks to its daemon. Inside virt/ only.
 *
 * libvirt does not hand them out, but two things need them: asking the peer who it is (local.h),
 * and ending although the daemon hangs (virt_close).
 */
#ifndef SNAPFS_VIRT_SOCKETS_H
#define SNAPFS_VIRT_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { SOCKETS_MAX = 4 /* libvirt has one a connection */ };

enum sockets_place {
    SOCKETS_NONE,      /* the driver runs in our process: test:///…, qemu:///embed */
    SOCKETS_UNIX,      /* a unix socket of this host */
    SOCKETS_ELSEWHERE, /* a host, or a transport that may lead to one */
};

/* Where a canonical URI leads; pure. */
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

/* Those of the connection to `uri` that was opened since; none when they cannot be told. They count
 * as known in `before` then. */
void sockets_find(const char *uri, struct sockets_before *before, struct sockets *ret);

/* Ends the talk on them, so that every call waiting there fails. */
void sockets_break(const struct sockets *s);
void sockets_close(struct sockets *s);

#endif
