/* objects.h - looking libvirt's objects up inside a virt_op. Inside virt/ only. */
#ifndef SNAPFS_VIRT_OBJECTS_H
#define SNAPFS_VIRT_OBJECTS_H

#include <libvirt/libvirt.h>

#include "base/error.h"

struct virt;

/* The domain with that uuid; the caller frees it (virDomainFree). ENOENT. */
int virt_find_domain(struct virt *v, virConnectPtr conn, const char *uuid, virDomainPtr *ret,
                     struct err *e);

#endif
