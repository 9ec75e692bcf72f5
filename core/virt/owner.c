/* SPDX-License-Identifier: GPL-3.0-or-later */
/* owner.c - see owner.h. No locks. */
#include "virt/owner.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/mem.h"
#include "virt/sockets.h"

#define READ_ONLY "-ro" /* ends the other socket's name; every user may use that socket */

enum { GROUP_BYTES = 16384 /* room for a group's members */ };

/* Returns the group that polkit's rules admit. It is used if every user may write to the socket. */
static gid_t group_of_libvirt(void)
{
    struct group g, *found = NULL;
    autofree char *bytes = malloc(GROUP_BYTES);
    int r = bytes ? getgrnam_r("libvirt", &g, bytes, GROUP_BYTES, &found) : ENOMEM;
    return r == 0 && found ? found->gr_gid : 0;
}

static gid_t group_of(const char *path)
{
    struct stat st;
    bool narrow = stat(path, &st) == 0 && (st.st_mode & S_IWGRP) && !(st.st_mode & S_IWOTH);
    return narrow ? st.st_gid : group_of_libvirt();
}

struct virt_owner owner_of(const struct sockets *sockets)
{
    struct ucred cred;
    struct sockaddr_un peer = {0};
    socklen_t len = sizeof(cred), room = sizeof(peer) - 1;
    if (!sockets->n || getsockopt(sockets->fds[0], SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
        getpeername(sockets->fds[0], (struct sockaddr *)&peer, &room) < 0 ||
        peer.sun_path[0] != '/')
        return (struct virt_owner){.known = false};
    size_t n = strlen(peer.sun_path), end = sizeof(READ_ONLY) - 1;
    if (n > end && !strcmp(peer.sun_path + n - end, READ_ONLY))
        peer.sun_path[n - end] = '\0';
    return (struct virt_owner){.known = true, .uid = cred.uid, .gid = group_of(peer.sun_path)};
}
