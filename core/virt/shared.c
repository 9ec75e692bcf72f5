/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shared.c - see shared.h. No locks. */
#include "virt/shared.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <libvirt/virterror.h>

#include "virt/errors.h"
#include "virt/internal.h"

#define READ_ONLY "-ro" /* the end of the name of the other socket, which everyone may use */

enum { GROUP_BYTES = 16384 /* room for a group's members */ };

/* ---- whose ---- */

/* The group that polkit's rules let in, where the socket lets everyone. */
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

struct virt_owner virt_owner(const struct virt *v)
{
    return v->owner;
}

bool virt_is_anothers(const struct virt *v)
{
    return geteuid() != 0 && v->owner.known && v->owner.uid != geteuid();
}

/* ---- a directory ---- */

struct making {
    const char *path;
    uid_t uid;
    gid_t gid;
};

/* Its name is this thread's own. */
static int op_make(struct virt *v, virConnectPtr conn, void *arg, struct err *e)
{
    const struct making *m = arg;
    char xml[512];
    int n = snprintf(xml, sizeof(xml),
                     "<pool type='dir'><name>snapfs-%d</name><target><path>%s</path><permissions>"
                     "<mode>0770</mode><owner>%lu</owner><group>%lu</group></permissions></target>"
                     "</pool>",
                     gettid(), m->path, (unsigned long)m->uid, (unsigned long)m->gid);
    if (n < 0 || (size_t)n >= sizeof(xml))
        return err_fail(e, ENAMETOOLONG, "the path '%s' is too long", m->path);
    virStoragePoolPtr pool = virStoragePoolCreateXML(conn, xml, VIR_STORAGE_POOL_CREATE_WITH_BUILD);
    if (!pool)
        return virt_fail(v->readonly, e);
    virStoragePoolDestroy(pool);
    virStoragePoolFree(pool);
    virResetLastError();
    return 0;
}

int virt_make_directory(struct virt *v, const char *path, uid_t uid, gid_t gid, struct err *e)
{
    struct making m = {path, uid, gid};
    return virt_run(v, VIRT_CHANGE, op_make, &m, e);
}
