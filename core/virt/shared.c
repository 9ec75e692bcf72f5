/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shared.c - see shared.h. No locks. */
#include "virt/shared.h"

#include <stdio.h>
#include <unistd.h>

#include <libvirt/virterror.h>

#include "virt/errors.h"
#include "virt/internal.h"
#include "virt/xml.h"

/* ---- the owner ---- */

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

/* Makes a pool for the directory. The pool's name has this thread's id, so no other thread uses it.
 * */
static int op_make(struct virt *v, virConnectPtr conn, void *arg, struct err *e)
{
    const struct making *m = arg;
    autofree char *xml = NULL;
    char name[32];
    snprintf(name, sizeof(name), "snapfs-%d", gettid());
    int r = xml_pool_write(name, m->path, m->uid, m->gid, &xml, e);
    if (r < 0)
        return r;
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
