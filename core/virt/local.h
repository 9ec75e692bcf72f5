/* local.h - does a connection's daemon see the same files as we do? Inside virt/ only. */
#ifndef SNAPFS_VIRT_LOCAL_H
#define SNAPFS_VIRT_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

enum local_place {
    LOCAL_HERE,      /* the driver runs in our process: test:///…, qemu:///embed */
    LOCAL_UNIX,      /* a unix socket; its peer has to be asked */
    LOCAL_ELSEWHERE, /* a host, or a transport that may lead to one */
};

/* Where a canonical URI leads; pure. */
enum local_place local_place(const char *uri);

/* Is the other end of the connected unix socket a process with our root directory and mount
 * namespace? 0, or -EOPNOTSUPP with the reason; not being able to tell is a reason. */
int local_peer(int fd, struct err *e);

/* The unix sockets that this process had before a connection was opened. */
struct local_sockets {
    ino_t *inodes;
    size_t n;
    bool failed;
};

void local_sockets_read(struct local_sockets *ret);
void local_sockets_drop(struct local_sockets *s);

/* For a connection opened after `before` was read: true, or false with the sentence (EOPNOTSUPP). */
bool local_files(const char *uri, const struct local_sockets *before, struct err *why);

#endif
