/* SPDX-License-Identifier: GPL-3.0-or-later */
/* export_none.c - see export.h: without libnbd at the build, there are no exports. */
#include "image/export.h"

#include <errno.h>

int export_new(const struct export_source *source, struct export **ret, struct err *e)
{
    *ret = NULL;
    return err_fail(e, EOPNOTSUPP,
                    "cannot read '%s': it is a %s, and this snapfs was built without libnbd",
                    source->file->path, source->driver);
}

void export_free(struct export *x)
{
    (void)x;
}

int export_start(struct export *x, uint64_t *ret_size, struct err *e)
{
    (void)x;
    (void)ret_size;
    return err_fail(e, EOPNOTSUPP, "there is no libnbd");
}

int export_read(struct export *x, void *buf, size_t len, uint64_t offset, struct err *e)
{
    (void)buf;
    (void)len;
    (void)offset;
    return export_start(x, NULL, e);
}

int export_run(struct export *x, uint64_t offset, uint64_t limit, struct run *ret, struct err *e)
{
    (void)offset;
    (void)limit;
    (void)ret;
    return export_start(x, NULL, e);
}
