/* SPDX-License-Identifier: GPL-3.0-or-later */
/* owner.h - whom libvirt's daemon belongs to. */
#ifndef SNAPFS_VIRT_OWNER_H
#define SNAPFS_VIRT_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

struct sockets;

/* Whom a connection's daemon belongs to. */
struct virt_owner {
    bool known; /* the daemon listens on a unix socket of this host */
    uid_t uid;  /* of the daemon */
    gid_t gid;  /* the group that may use it beside its owner; 0: none is known */
};

/* Of the daemon at the other end of those. */
struct virt_owner owner_of(const struct sockets *sockets);

#endif
