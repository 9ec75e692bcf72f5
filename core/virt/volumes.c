/* SPDX-License-Identifier: GPL-3.0-or-later */
/* volumes.c - the volumes of libvirt's storage pools. No locks. */
#include <errno.h>

#include <libvirt/virterror.h>

#include "virt/errors.h"
#include "virt/internal.h"
#include "virt/virt.h"

struct path_call {
    const char *pool, *volume;
    char *path;
};

static char *volume_path(virStoragePoolPtr pool, const char *name)
{
    virStorageVolPtr volume = virStorageVolLookupByName(pool, name);
    char *path = volume ? virStorageVolGetPath(volume) : NULL;
    if (volume)
        virStorageVolFree(volume);
    return path;
}

static int op_path(struct virt *v, virConnectPtr conn, void *arg, struct err *e)
{
    struct path_call *c = arg;
    virStoragePoolPtr pool = virStoragePoolLookupByName(conn, c->pool);
    c->path = pool ? volume_path(pool, c->volume) : NULL;
    int r = c->path ? 0 : virt_fail(v->readonly, e);
    if (pool)
        virStoragePoolFree(pool);
    return r;
}

int virt_volume_path(struct virt *v, const char *pool, const char *volume, char **ret,
                     struct err *e)
{
    struct path_call c = {.pool = pool, .volume = volume};
    int r = virt_run(v, VIRT_READ, op_path, &c, e);
    if (r == 0)
        *ret = c.path;
    return r;
}

struct kind_call {
    const char *path;
    enum virt_volume kind;
};

static enum virt_volume kind_of(int type)
{
    if (type == VIR_STORAGE_VOL_BLOCK)
        return VIRT_VOLUME_BLOCK;
    return type == VIR_STORAGE_VOL_FILE ? VIRT_VOLUME_FILE : VIRT_VOLUME_NONE;
}

static int op_kind(struct virt *v, virConnectPtr conn, void *arg, struct err *e)
{
    struct kind_call *c = arg;
    virStorageVolInfo info;
    virStorageVolPtr volume = virStorageVolLookupByPath(conn, c->path);
    int r = volume && virStorageVolGetInfo(volume, &info) == 0 ? 0 : virt_fail(v->readonly, e);
    if (r == 0)
        c->kind = kind_of(info.type);
    if (volume)
        virStorageVolFree(volume);
    return r == -ENOENT || r == -EOPNOTSUPP ? 0 : r;
}

int virt_volume_at(struct virt *v, const char *path, enum virt_volume *ret, struct err *e)
{
    struct kind_call c = {.path = path};
    int r = virt_run(v, VIRT_READ, op_kind, &c, e);
    if (r == 0)
        *ret = c.kind;
    return r;
}
