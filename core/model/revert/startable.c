/* SPDX-License-Identifier: GPL-3.0-or-later */
/* startable.c - see startable.h. */
#include "model/revert/startable.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mounts.h"
#include "image/layers.h"
#include "model/reader/image_backing.h"
#include "model/revert/overlays_plan.h"
#include "model/storage/file_chain.h"
#include "model/storage/volumes.h"
#include "virt/xml_files.h"

static bool is_missing(const struct mounts *mounts, const char *path)
{
    struct stat st;
    if (mounts_check(mounts, path, NULL, NULL) < 0)
        return false;
    return stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

static bool is_made(const struct revert *rv, const char *target)
{
    for (size_t i = 0; rv && target && i < rv->n; i++)
        if (!strcmp(rv->disks[i].target, target))
            return true;
    return false;
}

static int fail(const char *what, const char *target, const char *path, struct err *e)
{
    return err_fail(
        e, ENOENT,
        "the domain could not start as it was then: its %s%s%s '%s' is not there; put it back, "
        "then revert again",
        what, target ? " " : "", target ? target : "", path);
}

static int check_files(const struct mounts *mounts, const struct xml_files *f,
                       const struct revert *rv, struct err *e)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct xml_file *file = &f->items[i];
        bool gone = !is_made(rv, file->target) && is_missing(mounts, file->path) &&
                    (!file->instead || is_missing(mounts, file->instead));
        if (gone)
            return fail(file->what, file->target, file->instead ? file->instead : file->path, e);
    }
    return 0;
}

/* Checks the backing files of a disk that goes on as it is, and the file of a disk on a volume. */
static int check_disk(const struct domain *d, const struct mounts *mounts,
                      const struct xml_disk *disk, struct err *e)
{
    const char *path = volumes_path(d->volumes, &disk->source);
    const char *file = path ? path : disk->source.path;
    struct image_layer *layers = NULL;
    struct stat st;
    size_t n = 0;
    if (path && is_missing(mounts, path))
        return fail("disk", disk->target, path, e);
    if (!file || !disk->source.format || strcmp(disk->source.format, "qcow2") != 0 ||
        !follow_stat(mounts, file, &st))
        return 0;
    int r = backing_layers(d, NULL, disk, &layers, &n, e);
    image_layers_free(layers, n);
    if (r != -ENOENT)
        return 0;
    struct err why = *e;
    return err_fail(e, ENOENT, "the domain could not start as it was then: of its disk %s, %s",
                    disk->target, why.text);
}

static int check_disks(const struct domain *d, const struct mounts *mounts,
                       const struct xml_domain *x, const struct revert *rv, struct err *e)
{
    int r = 0;
    for (size_t i = 0; x && r == 0 && i < x->n_disks; i++)
        if (!is_made(rv, x->disks[i].target))
            r = check_disk(d, mounts, &x->disks[i], e);
    return r;
}

static int parse(const char *xml, const char *root, struct xml_domain **ret, struct err *e)
{
    struct xml_snapshot *s autodestroy(xml_snapshot_free) = NULL;
    if (!strcmp(root, "domain"))
        return xml_domain_parse(xml, ret, e);
    int r = xml_snapshot_parse(xml, &s, e);
    if (r == 0)
        *ret = take(s->domain);
    return r;
}

int startable_check(const struct domain *d, const char *xml, const char *root, bool reset_nvram,
                    const struct revert *rv, struct err *e)
{
    struct mounts *mounts autodestroy(mounts_free) = mounts_read();
    struct xml_files *f autodestroy(xml_files_free) = NULL;
    struct xml_domain *x autodestroy(xml_domain_free) = NULL;
    int r = mounts ? xml_files_read(xml, root, reset_nvram, &f, e) : err_nomem(e);
    if (r == 0)
        r = check_files(mounts, f, rv, e);
    if (r == 0)
        r = parse(xml, root, &x, e);
    return r == 0 ? check_disks(d, mounts, x, rv, e) : r;
}
