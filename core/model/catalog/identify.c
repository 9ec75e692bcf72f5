/* SPDX-License-Identifier: GPL-3.0-or-later */
/* identify.c - see catalog/identify.h. No locks. */
#include "model/catalog/identify.h"

#include <errno.h>
#include <string.h>

#include "model/catalog/domain.h"
#include "model/catalog/tag_tables.h"
#include "model/storage/file_chain.h"
#include "model/storage/volumes.h"
#include "virt/xml.h"

/* Checks that the disk is a whole file. A disk may be a slice of its file, and the guest saw
 * nothing else of it. */
static int check_whole(const struct snapshot *s, const struct snapshot_disk *disk, struct err *e)
{
    const struct xml_disk *then = xml_domain_disk(s->parsed->domain, disk->target);
    if (!then || !xml_disk_sliced(then) || disk->memory)
        return 0;
    return err_fail(e, EOPNOTSUPP, "disk '%s' is only a part of a file, which snapfs does not read",
                    disk->target);
}

/* Checks the volume by the overlay that was made with the snapshot. The overlay names the file that
 * the volume was at that time. */
static int check_overlay(const struct mounts *mounts, const struct snapshot *s,
                         const struct snapshot_disk *disk, struct err *e)
{
    const char *overlay = snapshot_overlay(s, disk->target);
    struct stat st;
    if (!overlay || !follow_stat(mounts, overlay, &st) ||
        follow_depth(mounts, overlay, disk->path, NULL) == 1)
        return 0;
    return err_fail(
        e, EIO,
        "the volume of disk '%s' is now '%s', which is not the backing file of '%s', the overlay "
        "that was made with the snapshot",
        disk->target, disk->path, overlay);
}

/* Checks the volume, because libvirt may find another file by its name now. */
static int check_volume(const struct tag_tables *tables, const struct snapshot *s,
                        const struct snapshot_disk *disk, struct err *e)
{
    const struct xml_disk *then = xml_domain_disk(s->parsed->domain, disk->target);
    if (!then || !then->source.volume || disk->memory)
        return 0;
    if (!disk->path)
        return volumes_refuse(then, e);
    return disk->tag ? 0 : check_overlay(tag_tables_mounts(tables), s, disk, e);
}

/* Returns whether snapfs can never read the image, by libvirt's XML alone or because libvirt's
 * daemon sees other files. */
static bool is_unsupported(const struct tag_tables *tables, const struct snapshot *s,
                           const struct snapshot_disk *disk)
{
    struct err ignored;
    return tag_tables_elsewhere(tables) || !disk->path || check_whole(s, disk, &ignored) < 0;
}

int images_identify(void *ctx, const struct snapshot *s, struct snapshot_disk *disk, struct err *e)
{
    struct err why = {0};
    int r = check_volume(ctx, s, disk, &why);
    if (r == 0 && disk->memory && disk->tag)
        r = tag_tables_find_memory(ctx, s, disk, &why);
    if (r == 0)
        r = tag_tables_identify(ctx, disk, &why);
    if (r == 0)
        r = check_whole(s, disk, &why);
    if (r == 0)
        return 0;
    if (err_is_resource(-r))
        return err_fail(e, -r, "%s", why.text);
    disk->no = -r;
    disk->unsupported = r == -EOPNOTSUPP && is_unsupported(ctx, s, disk);
    disk->reason = strdup(why.text);
    return disk->reason ? 0 : err_nomem(e);
}
