/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shared.c - see shared.h. No locks. */
#include "virt/shared.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <libvirt/virterror.h>

#include "virt/errors.h"
#include "virt/internal.h"

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
