/* SPDX-License-Identifier: GPL-3.0-or-later */
/* owner.h - the owner of libvirt's daemon. */
#ifndef SNAPFS_VIRT_OWNER_H
#define SNAPFS_VIRT_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

struct sockets;

/* The owner of a connection's daemon. */
struct virt_owner {
    bool known; /* the daemon listens on a unix socket of this host */
    uid_t uid;  /* of the daemon */
    gid_t gid;  /* the group that may use it besides the owner; 0: unknown */
};

/* Returns the owner of the daemon at the other end of these sockets. */
struct virt_owner owner_of(const struct sockets *sockets);

#endif
