/* SPDX-License-Identifier: GPL-3.0-or-later */
/* space.c - whether there is room for the merges of a delete (delete/plan.h). No locks. Reads
 * headers and tables, writes nothing. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mounts.h"
#include "base/space.h"
#include "image/growth.h"
#include "model/delete/plan.h"
#include "model/storage/file_chain.h"

/* Finds by how much the base of a disk grows. If that cannot be found out, it counts as nothing,
 * and QEMU will report it. */
static int growth_of(const struct delete_disk *disk, const struct mounts *mounts, uint64_t *ret,
                     struct err *e)
{
    struct image_policy policy = follow_policy(mounts);
    struct err why;
    *ret = 0;
    int r = image_growth(disk->top, disk->base, disk->format, &policy, ret, &why);
    return r == -ENOMEM ? err_nomem(e) : 0;
}

/* Checks that all the bases on the file system of this one fit. */
static int check_base(const struct delete *del, const uint64_t *growths,
                      const struct delete_disk *of, struct err *e)
{
    struct stat own, other;
    uint64_t need = 0, there = UINT64_MAX;
    struct err ignored;
    if (stat(of->base, &own) < 0 || space_free(of->base, &there, &ignored) < 0)
        return 0;
    for (size_t i = 0; i < del->n; i++)
        if (stat(del->disks[i].base, &other) == 0 && other.st_dev == own.st_dev &&
            !add_u64(need, growths[i], &need))
            need = UINT64_MAX;
    if (need <= there)
        return 0;
    return err_fail(e, ENOSPC,
                    "merging '%s' into '%s'%s takes %" PRIu64 " bytes more on its file system, and "
                    "%" PRIu64 " are free; free some, or forget the snapshot alone with 'metadata'",
                    of->top, of->base, del->n > 1 ? ", with the other merges," : "", need, there);
}

int delete_check_space(const struct delete *del, struct err *e)
{
    struct mounts *mounts autodestroy(mounts_free) = mounts_read();
    autofree uint64_t *growths = calloc(del->n + 1, sizeof(*growths));
    int r = mounts && growths ? 0 : err_nomem(e);
    for (size_t i = 0; r == 0 && i < del->n; i++)
        r = growth_of(&del->disks[i], mounts, &growths[i], e);
    for (size_t i = 0; r == 0 && i < del->n; i++)
        r = check_base(del, growths, &del->disks[i], e);
    return r;
}
