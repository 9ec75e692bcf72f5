/* SPDX-License-Identifier: GPL-3.0-or-later */
/* away.c - see delete/away.h. No locks. */
#include "model/delete/away.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mounts.h"
#include "model/reader/policy.h"
#include "model/storage/volumes.h"
#include "virt/xml.h"

static int fail(const struct snapshot *s, const char *what, const char *why, struct err *e)
{
    return err_fail(e, EBUSY,
                    "cannot delete '%s': %s is away: %s; mount its file system or start its pool, "
                    "or write 'metadata' or 'force' to the snapshot's 'delete' file, which leave "
                    "the file as it is",
                    s->name, what, why);
}

static int check_volume(const struct domain *d, const struct snapshot *s,
                        const struct snapshot_disk *disk, struct err *e)
{
    const struct xml_disk *then = xml_domain_disk(s->parsed->domain, disk->target);
    autotext struct text what = {0};
    if (!then || volumes_knows(d->volumes, &then->source))
        return 0;
    text_add(&what, "volume '%s' of pool '%s', which has disk '%s',", then->source.volume,
             then->source.pool, disk->target);
    return what.failed ? err_nomem(e) : fail(s, what.s, "libvirt does not say where it is", e);
}

/* Checks a disk's file. A path inside a snapfs mount is not looked at, because the mount may wait
 * for this very delete. */
static int check_file(const struct mounts *mounts, const struct snapshot *s,
                      const struct snapshot_disk *disk, struct err *e)
{
    autotext struct text what = {0};
    struct stat st;
    if (mounts_check(mounts, disk->path, NULL, NULL) < 0 || stat(disk->path, &st) == 0)
        return 0;
    int no = errno;
    if (no == EACCES)
        return 0;
    text_add(&what, "the file '%s', which has disk '%s',", disk->path, disk->target);
    return what.failed ? err_nomem(e) : fail(s, what.s, strerrordesc_np(no), e);
}

int away_check(const struct domain *d, const struct snapshot *s, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->n_disks; i++) {
        const struct snapshot_disk *disk = &s->disks[i];
        r = disk->path ? check_file(policy_mounts(d), s, disk, e) : check_volume(d, s, disk, e);
    }
    return r;
}
