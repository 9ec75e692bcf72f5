/* SPDX-License-Identifier: GPL-3.0-or-later */
/* remedy.c - see remedy.h. No locks. */
#include "model/storage/remedy.h"

#include <errno.h>

#include "virt/shared.h"

int remedy_add(const struct virt *v, int r, struct err *e)
{
    if (r != -EACCES || !e || !virt_is_anothers(v))
        return r;
    struct err bare = *e;
    return err_fail(e, EACCES,
                    "%s; a mount by root with '-o allow_other,gid=libvirt,fmask=037' lets the "
                    "members of that group read it",
                    bare.text);
}
